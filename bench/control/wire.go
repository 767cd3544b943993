package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"

	"roost/bench/load"
	"roost/bench/measure"
)

// The protocol between the coordinator and a worker: JSON values, one a line, over a pipe or a TCP connection. The coordinator says
// hello with the configuration of the shard, then the numbers of segments to run, one at a time; the worker answers each
// with seconds and a result. Closing the connection ends the worker's sessions.

// protocol is its version; both sides must be of the same.
const protocol = 1

// maxLine bounds one JSON value, in bytes: histograms of a segment are tens of kilobytes.
const maxLine = 64 << 20

// order is what the coordinator says.
type order struct {
	Hello *hello `json:"hello,omitempty"`
	Run   *int   `json:"run,omitempty"` // number of a segment
	Stop  bool   `json:"stop,omitempty"`
}

type hello struct {
	Protocol int         `json:"protocol"`
	Token    string      `json:"token,omitempty"`
	Config   load.Config `json:"config"`
}

// reply is what a worker says.
type reply struct {
	Ready   bool             `json:"ready,omitempty"`
	Second  *measure.Second  `json:"second,omitempty"`
	Segment *measure.Segment `json:"segment,omitempty"`
	Error   string           `json:"error,omitempty"`
	Done    bool             `json:"done,omitempty"` // the segment is over
}

// Serve is a worker's side: it does what the coordinator on rw orders until that closes. A worker that is given a token does nothing
// for a coordinator that does not know it.
func Serve(ctx context.Context, rw io.ReadWriter, token string) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	out := &writer{enc: json.NewEncoder(rw)}
	orders := make(chan order)
	var readErr error
	go func() {
		defer close(orders)
		readErr = readLines(rw, func(o order) error {
			if o.Stop {
				stop()
				return nil
			}
			select {
			case orders <- o:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		})
		stop() // the coordinator has gone: so do the sessions
	}()
	first, ok := <-orders
	if !ok {
		return readErr
	}
	w, err := welcome(ctx, first, token)
	if err != nil {
		return errors.Join(err, out.send(reply{Error: err.Error()}))
	}
	defer w.Close()
	if err := out.send(reply{Ready: true}); err != nil {
		return err
	}
	for o := range orders {
		if o.Run == nil {
			continue
		}
		m, err := w.Run(ctx, *o.Run, func(s *measure.Second) { _ = out.send(reply{Second: s}) })
		r := reply{Segment: m, Done: true}
		if err != nil {
			r.Error = err.Error()
		}
		if err := out.send(r); err != nil {
			return err
		}
	}
	return nil
}

// welcome checks a hello and makes the worker that it wants.
func welcome(ctx context.Context, o order, token string) (Worker, error) {
	switch {
	case o.Hello == nil:
		return nil, errors.New("the coordinator did not say hello")
	case o.Hello.Protocol != protocol:
		return nil, fmt.Errorf("the coordinator speaks version %d of the protocol, this worker %d: use the same roost-bench on both", o.Hello.Protocol, protocol)
	case o.Hello.Token != token:
		return nil, errors.New("the coordinator's token is wrong")
	case o.Hello.Config.Scenario == nil:
		return nil, errors.New("the coordinator sent no scenario")
	}
	sc := o.Hello.Config.Scenario
	sc.Fill()
	if ps := sc.Check(); len(ps) > 0 {
		return nil, fmt.Errorf("the coordinator's scenario: %s: %s", ps[0].Path, ps[0].Text)
	}
	return Local(ctx, o.Hello.Config)
}

// readLines reads JSON values until the end of input, or until f fails.
func readLines[T any](r io.Reader, f func(T) error) error {
	sc := bufio.NewScanner(r)
	sc.Buffer(make([]byte, 0, 64<<10), maxLine)
	for sc.Scan() {
		var v T
		if err := json.Unmarshal(sc.Bytes(), &v); err != nil {
			return fmt.Errorf("control protocol: %w", err)
		}
		if err := f(v); err != nil {
			return err
		}
	}
	return sc.Err()
}

// writer writes JSON values of several goroutines.
type writer struct {
	mu  sync.Mutex
	enc *json.Encoder
}

func (w *writer) send(v any) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.enc.Encode(v)
}

// remote is the coordinator's side of a worker elsewhere.
type remote struct {
	name    string
	rwc     io.ReadWriteCloser
	out     *writer
	replies chan reply
	done    chan struct{} // closed when the reader has ended
	err     error         // why; to be read when done is closed
}

// Remote makes a Worker of a connection to one; name is for errors. It waits until the worker is ready.
func Remote(ctx context.Context, name string, rwc io.ReadWriteCloser, cfg load.Config, token string) (Worker, error) {
	r := &remote{name: name, rwc: rwc, out: &writer{enc: json.NewEncoder(rwc)}, replies: make(chan reply), done: make(chan struct{})}
	go func() {
		defer close(r.done)
		r.err = readLines(rwc, func(v reply) error {
			r.replies <- v
			return nil
		})
		close(r.replies)
	}()
	if err := r.out.send(order{Hello: &hello{protocol, token, cfg}}); err != nil {
		return nil, errors.Join(fmt.Errorf("worker %s: %w", name, err), r.Close())
	}
	select {
	case v, ok := <-r.replies:
		if err := r.problem(v, ok); err != nil || !v.Ready {
			return nil, errors.Join(err, r.Close())
		}
	case <-ctx.Done():
		return nil, errors.Join(ctx.Err(), r.Close())
	}
	return r, nil
}

// problem turns a reply, or that there was none, into an error.
func (r *remote) problem(v reply, ok bool) error {
	switch {
	case !ok && r.err != nil:
		return fmt.Errorf("worker %s: %w", r.name, r.err)
	case !ok:
		return fmt.Errorf("worker %s has gone", r.name)
	case v.Error != "":
		return fmt.Errorf("worker %s: %s", r.name, v.Error)
	}
	return nil
}

func (r *remote) Run(ctx context.Context, n int, onSecond func(*measure.Second)) (*measure.Segment, error) {
	if err := r.out.send(order{Run: &n}); err != nil {
		return nil, fmt.Errorf("worker %s: %w", r.name, err)
	}
	stop := ctx.Done()
	for {
		select {
		case v, ok := <-r.replies:
			if v.Second != nil {
				onSecond(v.Second)
			}
			if !ok || v.Done || v.Error != "" {
				return v.Segment, r.problem(v, ok)
			}
		case <-stop:
			stop = nil
			_ = r.out.send(order{Stop: true}) // its answer, or its end, comes
		}
	}
}

// Close ends the worker.
func (r *remote) Close() error {
	err := r.rwc.Close()
	for range r.replies { // the reader may hold one
	}
	<-r.done
	if p, ok := r.rwc.(interface{ Wait() error }); ok {
		err = errors.Join(err, p.Wait())
	}
	return err
}
