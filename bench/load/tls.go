package load

import (
	"crypto/tls"
	"io"
	"net"
	"sync"
	"time"

	"roost/bench/measure"
	"roost/bench/sock"
)

// A link is the TLS of one session: crypto/tls over a transport, this type itself, that never waits for the socket once the
// handshake is over. The handshake runs on a goroutine of its own, because an error in it is for good; that goroutine writes to the
// descriptor itself and is given what the loop reads. Afterwards only the loop calls conn.
type link struct {
	e      *Engine
	conn   *tls.Conn
	feed   []byte // received, not read by conn; borrowed. Loop only, after the handshake
	sealed []byte // records to be written. Loop only, after the handshake

	mu    sync.Mutex // guards the fields below
	came  *sync.Cond
	fd    int
	in    []byte // received during the handshake
	over  bool   // the handshake is over: Read and Write are the loop's
	dead  bool   // the session has ended; whoever runs the handshake closes the descriptor
	reset bool   // how; set by the loop before kill's goroutine ends
	late  []byte // what the socket did not take during the handshake
}

// errAgain says that there are no bytes. Both methods matter: crypto/tls keeps any other error of its transport for good.
var errAgain net.Error = againError{}

type againError struct{}

func (againError) Error() string   { return "no bytes yet" }
func (againError) Timeout() bool   { return true }
func (againError) Temporary() bool { return true }

// startHandshake begins TLS on session i. What was read in plain text behind <proceed/> is no part of it.
func (e *Engine) startHandshake(i int32) {
	s := &e.sess[i]
	e.spare(s.in)
	s.in = nil
	s.tok.Reset(nil)
	s.state, s.step = handshake, e.clock()
	t := &link{e: e, fd: int(s.fd)}
	t.came = sync.NewCond(&t.mu)
	t.conn = tls.Client(t, e.to.tls)
	s.tls = t
	serial := s.serial
	e.log.working++
	go func() {
		err := t.conn.Handshake()
		at := e.clock()
		t.mu.Lock()
		t.over = true
		dead := t.dead
		t.sealed, t.late = t.late, nil
		t.mu.Unlock()
		e.post(func() {
			e.log.working--
			if e.sess[i].serial != serial {
				sock.Close(t.fd, t.reset)
				return
			}
			if dead && err == nil {
				err = net.ErrClosed
			}
			e.handshakeOver(i, at, err)
		})
	}()
}

// handshakeOver takes the connection back from the goroutine.
func (e *Engine) handshakeOver(i int32, at int64, err error) {
	s := &e.sess[i]
	s.state = feature // the descriptor is the loop's again
	if err != nil {
		s.state = startTLS
		e.fail(i, errorName(err))
		return
	}
	e.seg.Record(measure.TLS, -1, at-s.step)
	e.ticks.handshake(s.tls.conn.ConnectionState().DidResume)
	s.secure = true
	e.begin(i)
	// What came while the goroutine was at its end.
	if t := s.tls; len(t.in) > 0 {
		b := t.in
		t.in = nil
		e.unseal(i, b)
	}
}

// give hands received bytes to the handshake.
func (t *link) give(b []byte) {
	t.mu.Lock()
	t.in = append(t.in, b...)
	t.mu.Unlock()
	t.came.Signal()
}

// kill ends a handshake that waits.
func (t *link) kill() {
	t.mu.Lock()
	t.dead = true
	t.mu.Unlock()
	t.came.Signal()
}

// seal turns b into records.
func (t *link) seal(b []byte) error {
	_, err := t.conn.Write(b)
	return err
}

// Read implements net.Conn for crypto/tls.
func (t *link) Read(p []byte) (int, error) {
	if t.inHandshake() {
		t.mu.Lock()
		defer t.mu.Unlock()
		for len(t.in) == 0 {
			if t.dead {
				return 0, io.ErrUnexpectedEOF
			}
			t.came.Wait()
		}
		n := copy(p, t.in)
		if t.in = t.in[n:]; len(t.in) == 0 {
			t.in = nil
		}
		return n, nil
	}
	if len(t.feed) == 0 {
		return 0, errAgain
	}
	n := copy(p, t.feed)
	t.feed = t.feed[n:]
	return n, nil
}

func (t *link) inHandshake() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return !t.over
}

// Write implements net.Conn for crypto/tls. It takes everything.
func (t *link) Write(p []byte) (int, error) {
	if !t.inHandshake() {
		if t.sealed == nil {
			t.sealed = t.e.buffer()
		}
		t.sealed = append(t.sealed, p...)
		return len(p), nil
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.dead {
		return 0, net.ErrClosed
	}
	n := 0
	if len(t.late) == 0 {
		var err error
		if n, err = sock.Write(t.fd, p); err != nil && err != sock.ErrAgain {
			return n, err
		}
	}
	t.late = append(t.late, p[n:]...) // a client's flights are short: this happens when the server reads nothing
	return len(p), nil
}

// Close, the addresses and the deadlines implement net.Conn; the Engine has its own.
func (t *link) Close() error                     { return nil }
func (t *link) SetDeadline(time.Time) error      { return nil }
func (t *link) SetReadDeadline(time.Time) error  { return nil }
func (t *link) SetWriteDeadline(time.Time) error { return nil }
func (t *link) LocalAddr() net.Addr              { return nil }
func (t *link) RemoteAddr() net.Addr             { return nil }

// tickets are the TLS sessions that may be resumed. They belong to no user: any connection takes the newest, as all are for
// the same server, and TLS 1.3 wants each to be used once. It implements tls.ClientSessionCache.
type tickets struct {
	on      bool
	mu      sync.Mutex // guards all; handshakes use it from goroutines
	stack   []*tls.ClientSessionState
	full    int64 // handshakes without resumption
	resumed int64
}

// maxTickets bounds the tickets that are kept, at 1 to 2 KB each.
const maxTickets = 4096

func newTickets(on bool) *tickets { return &tickets{on: on} }

// Get takes a ticket.
func (t *tickets) Get(string) (*tls.ClientSessionState, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.stack)
	if n == 0 {
		return nil, false
	}
	s := t.stack[n-1]
	t.stack = t.stack[:n-1]
	return s, true
}

// Put keeps a ticket.
func (t *tickets) Put(_ string, s *tls.ClientSessionState) {
	if !t.on || s == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.stack) < maxTickets {
		t.stack = append(t.stack, s)
	}
}

func (t *tickets) handshake(resumed bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if resumed {
		t.resumed++
	} else {
		t.full++
	}
}

// counts returns how many handshakes were made without and with resumption.
func (t *tickets) counts() (full, resumed int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.full, t.resumed
}
