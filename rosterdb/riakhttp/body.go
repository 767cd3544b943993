package riakhttp

import (
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

// readBody checks what is sent and reads it, bounded.
func (h *handler) readBody(w http.ResponseWriter, q *http.Request) ([]byte, *problem) {
	if p := checkType(q.Header, jsonType); p != nil {
		return nil, p
	}
	tooBig := bad(http.StatusRequestEntityTooLarge, "the roster is longer than %d bytes", h.o.MaxBody)
	if q.ContentLength > h.o.MaxBody {
		w.Header().Set("Connection", "close") // the rest is not waited for
		return nil, tooBig
	}
	in := newPatient(w, http.MaxBytesReader(w, q.Body, h.o.MaxBody), h.o.Idle)
	b, err := io.ReadAll(in)
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return nil, tooBig
	}
	if errors.Is(err, errSilent) {
		return nil, bad(http.StatusRequestTimeout, "after %d bytes: %v", len(b), err)
	}
	if err != nil {
		return nil, bad(http.StatusBadRequest, "the request broke off after %d bytes: %v", len(b), err)
	}
	in.done()
	return b, nil
}

// checkType accepts a body of one of the media types in UTF-8, or of none.
func checkType(header http.Header, types ...string) *problem {
	if enc := header.Get("Content-Encoding"); enc != "" && !strings.EqualFold(enc, "identity") {
		return bad(http.StatusUnsupportedMediaType, "Content-Encoding %s is not understood; send it as it is", enc)
	}
	value := header.Get("Content-Type")
	if value == "" {
		return nil
	}
	got, params, err := mime.ParseMediaType(value)
	if err != nil || !slices.Contains(types, got) {
		return bad(http.StatusUnsupportedMediaType, "Content-Type %q is not understood; send %s", value, types[0])
	}
	if set, ok := params["charset"]; ok && !strings.EqualFold(set, "utf-8") {
		return bad(http.StatusUnsupportedMediaType, "charset %q is not understood; send UTF-8", set) // RFC 8259 §8.1
	}
	return nil
}

// joinLines replaces each backslash before a line end by a space where it stands between tokens:
// what single quotes in a shell leave of a line that was to be continued. The length stays.
func joinLines(b []byte) {
	quoted := false
	for i := 0; i < len(b); i++ {
		switch {
		case b[i] == '"':
			quoted = !quoted
		case b[i] != '\\':
		case quoted:
			i++ // whatever is escaped
		case i+1 < len(b) && b[i+1] == '\n', i+2 < len(b) && b[i+1] == '\r' && b[i+2] == '\n':
			b[i] = ' '
		}
	}
}

// errSilent ends a body that does not go on.
var errSilent = errors.New("nothing came for too long")

// patient is a body whose sender must not fall silent for long. One goroutine reads.
type patient struct {
	rc   *http.ResponseController
	in   io.Reader
	idle time.Duration

	mu  sync.Mutex // guards err
	err error      // why it ended before its time
}

func newPatient(w http.ResponseWriter, in io.Reader, idle time.Duration) *patient {
	return &patient{rc: http.NewResponseController(w), in: in, idle: idle}
}

func (p *patient) Read(b []byte) (int, error) {
	began := time.Now()
	if err := p.wait(began.Add(p.idle)); err != nil {
		return 0, err
	}
	n, err := p.in.Read(b)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		if time.Since(began) >= p.idle {
			return n, errSilent
		}
		p.mu.Lock()
		defer p.mu.Unlock()
		err = p.err
	}
	return n, err
}

// wait sets the deadline of a Read, unless the end has come.
func (p *patient) wait(until time.Time) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err == nil {
		_ = p.rc.SetReadDeadline(until) // where there is no socket, as in tests, nothing falls silent
	}
	return p.err
}

// endWith makes a Read that waits, and every later one, fail when ctx ends; stop takes that back.
func (p *patient) endWith(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.err = context.Cause(ctx)
		_ = p.rc.SetReadDeadline(time.Unix(1, 0)) // as in wait
	})
}

// done gives the connection back when the body is read to its end.
func (p *patient) done() { _ = p.rc.SetReadDeadline(time.Time{}) }

// drain reads on, for a client that does not look at the answer before it has sent everything; for
// at most the time that it might be silent.
func (p *patient) drain() {
	if p.wait(time.Now().Add(p.idle)) == nil {
		_, _ = io.Copy(io.Discard, p.in) // how that ends does not matter
	}
}
