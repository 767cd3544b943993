package netio

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloudwego/netpoll"
	"github.com/valyala/bytebufferpool"
)

// An Engine owns loops, listeners and connections.
type Engine struct {
	cfg        Config
	start      time.Time
	loops      []*loop
	conns      table
	open       atomic.Int64 // connections, including those on their way to a loop
	maxConns   atomic.Int64
	draining   atomic.Bool
	crowds     atomic.Int32  // Conns that are crowded
	gone       chan struct{} // a token when open has come to 0 while draining
	queues     sync.Pool     // of *sendQueue
	buffers    bytebufferpool.Pool
	throttle   throttle
	handshakes handshakes
	peers      peers
	running    sync.WaitGroup // netpoll's Serve, one per loop

	mu        sync.Mutex // guards the fields below
	listeners map[*Listener]struct{}
	dialers   map[int]*Listener // what dialed connections have instead, by send limit
	turn      int               // where the next listener goes
	down      chan struct{}
}

// pollers is how many pollers netpoll was told to run. They belong to the
// process, so this is one for all engines; it only ever grows, for netpoll
// cannot take a poller away from under a loop.
var pollers struct {
	sync.Mutex
	n int
}

// New starts an Engine.
func New(cfg Config) (*Engine, error) {
	if err := cfg.complete(); err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, start: time.Now(), gone: make(chan struct{}, 1), listeners: make(map[*Listener]struct{})}
	e.maxConns.Store(int64(cfg.MaxConns))
	e.handshakes.init(cfg.Handshakes, cfg.processors)
	for range cfg.Loops {
		l, err := e.newLoop()
		if err != nil {
			for _, l := range e.loops {
				l.closeFiles()
			}
			return nil, fmt.Errorf("netio: cannot start an event loop: %w", err)
		}
		e.loops = append(e.loops, l)
	}
	if err := e.serve(); err != nil {
		return nil, fmt.Errorf("netio: cannot start an event loop: %w", err)
	}
	return e, nil
}

// SetMaxConns changes Config.MaxConns. Connections beyond a lower one stay.
func (e *Engine) SetMaxConns(n int) error {
	cfg := Config{MaxConns: n}
	err := cfg.complete()
	if err == nil {
		e.maxConns.Store(int64(cfg.MaxConns))
	}
	return err
}

// serve gives the loops to netpoll. netpoll deals its pollers out in turn, so
// that under the lock each loop gets one of its own.
func (e *Engine) serve() error {
	pollers.Lock()
	defer pollers.Unlock()
	if len(e.loops) > pollers.n {
		if err := netpoll.Configure(netpoll.Config{PollerNum: len(e.loops)}); err != nil {
			return err
		}
		pollers.n = len(e.loops)
	}
	for i, l := range e.loops {
		if err := l.serve(); err != nil {
			for _, l := range e.loops[i:] {
				l.closeFiles()
			}
			e.loops = e.loops[:i]
			e.halt()
			return err
		}
	}
	return nil
}

// Shutdown closes the listeners, closes every Conn, and ends what is left when
// ctx ends, in which case it returns ctx's error: a peer that has everything and
// only does not close its side is left alone, any other gets a reset. No goroutine, descriptor
// or buffer remains. A second call waits for the first. Not on a loop.
func (e *Engine) Shutdown(ctx context.Context) error {
	e.mu.Lock()
	if down := e.down; down != nil {
		e.mu.Unlock()
		<-down
		return nil
	}
	e.down = make(chan struct{})
	var open []*Listener
	for ls := range e.listeners {
		open = append(open, ls)
	}
	e.mu.Unlock()
	defer close(e.down)
	for _, ls := range open {
		ls.Close()
	}
	e.draining.Store(true)
	e.forAll((*Conn).Close)
	err := e.drain(ctx)
	if err != nil {
		e.forAll(func(c *Conn) { c.loop.cut(c) })
		e.drain(context.Background())
	}
	e.handshakes.wg.Wait()
	e.halt()
	return err
}

// halt ends the loops and waits until netpoll has let go of them. (Serve returns
// before the loop is closed.)
func (e *Engine) halt() {
	for _, l := range e.loops {
		l.post(task{fn: l.halt})
	}
	for _, l := range e.loops {
		<-l.closed
	}
	e.running.Wait()
}

// forAll has every loop call fn for each of its Conns.
func (e *Engine) forAll(fn func(*Conn)) {
	for _, l := range e.loops {
		l.post(task{fn: func() { e.conns.each(l, fn) }})
	}
}

// drain waits until there is no connection any more.
func (e *Engine) drain(ctx context.Context) error {
	for e.open.Load() > 0 {
		select {
		case <-e.gone:
		case <-ctx.Done():
			if e.open.Load() > 0 {
				return ctx.Err()
			}
		}
	}
	return nil
}

// connGone counts a connection that has ended.
func (e *Engine) connGone() {
	if e.open.Add(-1) == 0 && e.draining.Load() {
		select {
		case e.gone <- struct{}{}:
		default:
		}
	}
}
