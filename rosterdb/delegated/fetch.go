package delegated

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/sony/gobreaker/v2"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// answer is what the application said.
type answer struct {
	items     []rosterdb.Item // sorted
	etag      string
	unchanged bool // 304: the roster is the one that has the ETag
}

const (
	maxETag      = 256     // bytes; a longer one is not kept
	maxDrain     = 4 << 10 // bytes of an answer that is not wanted, read so that its connection can be used again
	maxRedirects = 3
)

// The wait before a request is made again: it doubles, give or take half.
const (
	firstWait = 100 * time.Millisecond
	longWait  = time.Second
)

func fewRedirects(_ *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("more than %d redirects", maxRedirects)
	}
	return nil
}

// breakerSettings: after Trip failures in a row, or when half of many have failed, nothing is asked
// for Pause; then one request tries whether the application is back.
func (s *Store) breakerSettings() gobreaker.Settings {
	trip := uint32(s.o.Trip)
	return gobreaker.Settings{
		Name: s.o.Domain, MaxRequests: 1, Interval: 10 * time.Second, Timeout: s.o.Pause,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			return c.ConsecutiveFailures >= trip || c.Requests >= 2*trip && c.TotalFailures*2 >= c.Requests
		},
		OnStateChange: func(_ string, _, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				s.abandon()
			}
			s.reportState(to)
		},
		IsSuccessful: func(err error) bool {
			e, ok := errors.AsType[*Error](err)
			return err == nil || ok && !e.outage()
		},
		IsExcluded: func(err error) bool {
			e, ok := errors.AsType[*Error](err)
			return ok && (e.Reason == ReasonClosed || e.Reason == ReasonPaused)
		},
	}
}

// fetch asks the application for one roster, more than once if need be. The error is an *Error.
func (s *Store) fetch(owner jid.JID, etag string) (answer, error) {
	where, err := s.aimed().url.of(owner)
	if err != nil {
		return answer{}, &Error{Owner: owner, Reason: ReasonName, Err: err}
	}
	ctx, cancel := context.WithTimeout(s.trust.Load().ctx, s.aimed().timeout)
	defer cancel()
	if err := s.take(ctx, owner); err != nil {
		return answer{}, err
	}
	defer func() { <-s.slots }()
	var last error
	got, err := backoff.Retry(ctx, func() (answer, error) {
		got, err := s.breaker.Execute(func() (answer, error) { return s.ask(ctx, owner, where, etag) })
		if errors.Is(err, gobreaker.ErrOpenState) || errors.Is(err, gobreaker.ErrTooManyRequests) {
			if last != nil { // this fetch itself has found out
				return got, backoff.Permanent(last)
			}
			err = paused(owner)
		}
		last = err
		if e, ok := errors.AsType[*Error](err); ok && !e.passing() {
			return got, backoff.Permanent(err)
		}
		return got, err
	}, backoff.WithBackOff(waits()), backoff.WithMaxTries(uint(s.o.Tries)), backoff.WithMaxElapsedTime(s.aimed().timeout))
	if err != nil { // the context's error says less than the last request's
		return answer{}, last
	}
	return got, nil
}

// trust is the time from one opening of the breaker to the next: its context ends with it.
type trust struct {
	ctx context.Context
	end context.CancelFunc
}

// abandon ends all that waits for the application, which the breaker has just given up: nobody waits
// for the second request when the first has timed out. The breaker holds its lock.
func (s *Store) abandon() {
	t := &trust{}
	t.ctx, t.end = context.WithCancel(s.ctx)
	if old := s.trust.Swap(t); old != nil {
		old.end()
	}
}

func paused(owner jid.JID) *Error {
	return &Error{Owner: owner, Reason: ReasonPaused, Err: errors.New("the web application is not asked for the moment, because it has just failed again and again")}
}

func waits() backoff.BackOff {
	return &backoff.ExponentialBackOff{InitialInterval: firstWait, MaxInterval: longWait, Multiplier: 2, RandomizationFactor: 0.5}
}

// take waits for a slot. Where those who wait already would need longer than anybody may wait, it
// fails at once: a login does not stand in a queue that has no end.
func (s *Store) take(ctx context.Context, owner jid.JID) error {
	select {
	case s.slots <- struct{}{}:
		return nil
	default:
	}
	s.mu.Lock()
	long := time.Duration(s.waiting+1) * s.average / time.Duration(s.o.Concurrency)
	if long <= s.aimed().timeout {
		s.waiting++
	}
	s.mu.Unlock()
	if long > s.aimed().timeout {
		return &Error{Owner: owner, Reason: ReasonBusy, Err: fmt.Errorf("the web application was not asked: it is so slow that the answer would not come within %v", s.aimed().timeout)}
	}
	defer func() {
		s.mu.Lock()
		s.waiting--
		s.mu.Unlock()
	}()
	select {
	case s.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return s.late(ctx, owner, fmt.Errorf("the web application was not asked: others waited for it for %v", s.aimed().timeout), ReasonBusy)
	}
}

// late is the error of a fetch whose time is over, whose application was given up, or whose server stops.
func (s *Store) late(ctx context.Context, owner jid.JID, err error, reason string) *Error {
	switch {
	case s.ctx.Err() != nil:
		return &Error{Owner: owner, Reason: ReasonClosed, Err: errors.New("the server stops")}
	case errors.Is(ctx.Err(), context.Canceled):
		return paused(owner)
	}
	return &Error{Owner: owner, Reason: reason, Err: err}
}

// ask makes one request.
func (s *Store) ask(ctx context.Context, owner jid.JID, where, etag string) (got answer, err error) {
	begin := time.Now()
	defer func() { s.count(time.Since(begin), got, err) }()
	q, err := http.NewRequestWithContext(ctx, http.MethodGet, where, nil)
	if err != nil {
		return answer{}, &Error{Owner: owner, Reason: ReasonName, Err: bare(err)}
	}
	q.Header.Set("Accept", "application/json, text/plain, */*")
	q.Header.Set("User-Agent", "Roost")
	if s.aimed().token != "" {
		q.Header.Set("Authorization", "Bearer "+s.aimed().token)
	}
	if etag != "" {
		q.Header.Set("If-None-Match", etag)
	}
	resp, err := s.client.Do(q)
	if err != nil {
		return answer{}, s.broken(ctx, owner, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && etag != "":
		return answer{unchanged: true}, nil
	case resp.StatusCode != http.StatusOK:
		io.CopyN(io.Discard, resp.Body, maxDrain)
		return answer{}, &Error{Owner: owner, Reason: ReasonStatus, Code: resp.StatusCode,
			Err: fmt.Errorf("the web application answered with the status %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))}
	}
	return s.read(ctx, owner, resp)
}

// read takes an answer with the status 200.
func (s *Store) read(ctx context.Context, owner jid.JID, resp *http.Response) (answer, error) {
	var b []byte
	var err error
	if resp.ContentLength <= s.o.MaxBody {
		b, err = io.ReadAll(io.LimitReader(resp.Body, s.o.MaxBody+1))
	}
	switch {
	case err != nil:
		return answer{}, s.broken(ctx, owner, err)
	case resp.ContentLength > s.o.MaxBody || int64(len(b)) > s.o.MaxBody:
		return answer{}, &Error{Owner: owner, Reason: ReasonTooBig, Code: resp.StatusCode,
			Err: fmt.Errorf("the answer of the web application is longer than %d bytes", s.o.MaxBody)}
	}
	items, err := parse(owner, b, s.o)
	if err != nil {
		what := ""
		if t := resp.Header.Get("Content-Type"); t != "" {
			what = " (Content-Type " + strconv.Quote(clip(t)) + ")"
		}
		return answer{}, &Error{Owner: owner, Reason: ReasonAnswer, Code: resp.StatusCode,
			Err: fmt.Errorf("the answer of the web application%s: %w", what, err)}
	}
	etag := resp.Header.Get("ETag")
	if len(etag) > maxETag {
		etag = ""
	}
	return answer{items: items, etag: etag}, nil
}

// broken is the error of a connection, or of the time that is over.
func (s *Store) broken(ctx context.Context, owner jid.JID, err error) *Error {
	if ctx.Err() != nil {
		return s.late(ctx, owner, fmt.Errorf("no answer of the web application within %v", s.aimed().timeout), ReasonTimeout)
	}
	return &Error{Owner: owner, Reason: ReasonConnect, Err: fmt.Errorf("the web application cannot be reached: %w", bare(err))}
}

// bare takes the URL, which may hold secrets, out of an error.
func bare(err error) error {
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err
	}
	return err
}

// count enters one request into the statistics.
func (s *Store) count(took time.Duration, got answer, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stats.Requests++
	s.stats.Took += took
	if err != nil {
		s.stats.Failures++
	} else if got.unchanged {
		s.stats.NotModified++
	}
	s.average += (took - s.average) / 8
}
