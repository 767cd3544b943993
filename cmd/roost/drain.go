package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"roost/netio"
	"roost/router"
	"roost/router/c2s"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

const (
	// defaultDrain is how many sessions a drain ends per second: what comes back elsewhere logs in there.
	defaultDrain = 1000
	maxDrain     = 1_000_000
	// drainTick is how often a drain ends its share of sessions.
	drainTick = 50 * time.Millisecond
	// drainTold is how often a drain says where it is.
	drainTold = time.Second
)

// drain is the server's way to have no clients: none are accepted, and those who are there are sent away at
// a pace. It stays when all have gone, until it is cancelled or the server stops.
type drain struct {
	rate  int    // sessions per second; 0: all at once
	to    string // where clients are sent (RFC 6120 §4.9.3.19); "" nowhere
	total int    // sessions at the beginning
	sent  atomic.Int64
	left  atomic.Int64  // sessions that are still there
	stop  func()        // cancels it
	done  chan struct{} // closed when all have gone, or it was cancelled
	over  chan struct{} // closed when the server accepts again
}

// word is what clients are told.
func (d *drain) word() *stanza.StreamError {
	if d.to != "" {
		return &stanza.StreamError{Condition: stanza.StreamSeeOtherHost, Host: d.to}
	}
	return stanza.StreamSystemShutdown.New()
}

// String says where the drain is.
func (d *drain) String() string { return d.at(int(d.left.Load())) }

// at says where the drain is when so many are left.
func (d *drain) at(left int) string {
	if left == 0 {
		return fmt.Sprintf("drained: %s sent away, none left", count(int(d.sent.Load()), "session"))
	}
	return fmt.Sprintf("draining: %d of %s left", left, count(d.total, "session"))
}

var errDraining = errors.New("the server is draining; \"drain cancel\" ends that")

// startDrain stops accepting and begins to send clients away.
func (s *Server) startDrain(rate int, to string) (*drain, error) {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	if s.isStopping() {
		return nil, errStopping
	}
	if s.drained.Load() != nil {
		return nil, errDraining
	}
	ctx, cancel := context.WithCancel(context.Background())
	d := &drain{rate: rate, to: to, stop: cancel, done: make(chan struct{}), over: make(chan struct{})}
	d.total, _ = s.router.Count()
	d.left.Store(int64(d.total))
	for _, o := range s.open() {
		o.ln.Close()
	}
	s.drained.Store(d)
	s.log.Warn("draining: no clients are accepted", "sessions", d.total, "rate", rate, "to", to)
	s.background.Go(func() {
		defer cancel()
		s.sendAway(ctx, d)
		close(d.done)
	})
	return d, nil
}

// sendAway ends sessions until there are none, or ctx or the server ends.
func (s *Server) sendAway(ctx context.Context, d *drain) {
	tick := time.NewTicker(drainTick)
	defer tick.Stop()
	begun := time.Now()
	var waiting []*router.Session
	for ; ; s.await(ctx, tick.C) {
		if ctx.Err() != nil || s.isStopping() {
			return
		}
		if len(waiting) == 0 {
			s.endNewcomers(d)
			waiting = s.everySession()
		}
		n := len(waiting)
		if d.rate > 0 {
			n = min(n, int(time.Since(begun).Seconds()*float64(d.rate))+1-int(d.sent.Load()))
		}
		for _, ses := range waiting[:max(n, 0)] {
			ses.End(d.word())
			d.sent.Add(1)
		}
		waiting = waiting[max(n, 0):]
		left, _ := s.router.Count()
		d.left.Store(int64(left))
		if left == 0 {
			s.log.Warn("drained: no session is left", "sent", d.sent.Load(), "took", time.Since(begun).Round(time.Millisecond))
			return
		}
	}
}

// await waits for c, for ctx or for the server's end.
func (s *Server) await(ctx context.Context, c <-chan time.Time) {
	select {
	case <-ctx.Done():
	case <-s.stopping:
	case <-c:
	}
}

func (s *Server) everySession() (all []*router.Session) {
	s.router.EachSession(func(ses *router.Session) { all = append(all, ses) })
	return all
}

// endNewcomers ends the streams of clients that have no session yet.
func (s *Server) endNewcomers(d *drain) {
	s.engine.Each(func(_ *netio.Conn, h netio.Handler) {
		if f, ok := h.(*front); ok {
			h = f.peer
		}
		if st, ok := h.(*c2s.Stream); ok && st.JID().IsZero() {
			st.End(d.word())
		}
	})
}

// cancelDrain accepts clients again. Those that were sent away may come back.
func (s *Server) cancelDrain() error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	d := s.drained.Load()
	if d == nil {
		return errors.New("the server does not drain")
	}
	d.stop()
	<-d.done
	var errs []error
	for _, o := range s.open() {
		errs = append(errs, s.relisten(o))
	}
	if err := errors.Join(errs...); err != nil {
		for _, o := range s.open() {
			o.ln.Close()
		}
		return fmt.Errorf("no clients are accepted yet; try again: %w", err)
	}
	s.drained.Store(nil)
	close(d.over)
	s.log.Warn("the drain is cancelled: clients are accepted again")
	return nil
}

// state is what the server is at, in one word.
func (s *Server) state() string {
	switch {
	case s.isStopping():
		return "stopping"
	case s.drained.Load() != nil:
		return "draining"
	}
	return "serving"
}

// drainCmd is `drain`, `drain RATE` and `drain cancel`.
type drainCmd struct {
	Rate string `arg:"" optional:"" help:"Sessions to end per second (default 1000), 0 for all at once; or \"cancel\"."`
	To   string `placeholder:"HOST[:PORT]" help:"Where clients are sent (see-other-host)."`
	Stop bool   `help:"End the server when no session is left."`
}

func (c drainCmd) Run(e *env, a *admin) error {
	if c.Rate == "cancel" {
		if c.To != "" || c.Stop {
			return errors.New("\"drain cancel\" takes no options")
		}
		if err := a.live.cancelDrain(); err != nil {
			return err
		}
		e.printf("clients are accepted again\n")
		return nil
	}
	rate := defaultDrain
	if c.Rate != "" {
		var err error
		if rate, err = strconv.Atoi(c.Rate); err != nil || rate < 0 || rate > maxDrain {
			return fmt.Errorf("drain %s: write a number of sessions per second, up to %d, or \"cancel\"", c.Rate, maxDrain)
		}
	}
	if err := checkHost(c.To); err != nil {
		return err
	}
	d, err := a.live.startDrain(rate, c.To)
	if err != nil {
		return err
	}
	return a.live.followDrain(e.ctx, e.out, d, c.Stop)
}

// followDrain says where a drain is until it is over. Without its console it goes on by itself.
func (s *Server) followDrain(ctx context.Context, out io.Writer, d *drain, stop bool) error {
	tick := time.NewTicker(drainTold)
	defer tick.Stop()
	if stop {
		s.background.Go(func() {
			<-d.done
			if d.left.Load() == 0 {
				s.requestStop()
			}
		})
	}
	if d.total > 0 {
		fmt.Fprintln(out, d.at(d.total))
	}
	for {
		select {
		case <-d.done:
			fmt.Fprintln(out, d)
			switch {
			case d.left.Load() > 0 && s.isStopping():
				return errStopping
			case d.left.Load() > 0:
				return errors.New("the drain was cancelled")
			case stop:
				fmt.Fprintln(out, "stopping")
			}
			return nil
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			fmt.Fprintln(out, d)
		}
	}
}

// checkHost says what is wrong with where clients are to be sent: a name or an address, IPv6 in brackets, and
// perhaps a port.
func checkHost(to string) error {
	if to == "" {
		return nil
	}
	host, port := to, "5222"
	if rest, ok := strings.CutSuffix(to, "]"); ok {
		host = strings.TrimPrefix(rest, "[")
	} else if strings.Contains(to, ":") {
		var err error
		if host, port, err = net.SplitHostPort(to); err != nil {
			return fmt.Errorf("--to %s: write a name or an address, IPv6 in brackets, and perhaps a port", to)
		}
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return fmt.Errorf("--to %s: %q is no port", to, port)
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return nil
	}
	if _, err := jid.New("", host, ""); err != nil {
		return fmt.Errorf("--to %s: %w", to, err)
	}
	return nil
}
