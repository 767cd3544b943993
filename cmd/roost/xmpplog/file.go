package xmpplog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"roost/cmd/roost/conf"
)

const (
	retryAfter  = 5 * time.Second // between attempts to write a file that failed
	reportEvery = time.Minute     // at most so often the dropped records are told
	keptQueue   = 256 << 10       // bytes of buffer that a file keeps when little waits
)

// file is one logger: a queue, and the goroutine that empties it into the file. Whoever hands in a
// record only appends to the queue.
type file struct {
	conf  conf.Logger
	log   *slog.Logger
	limit int // bytes in queue and taken together

	mu      sync.Mutex // guards what follows; never held while anything is written
	queue   []byte     // whole lines
	held    int        // length of taken
	closed  bool
	written uint64
	dropped uint64
	broken  error // why the file cannot be written; nil: it can

	wake    chan struct{}   // something waits, or was dropped; capacity 1
	reopens chan chan error // unbuffered
	quit    chan struct{}   // closed to end the goroutine
	done    chan struct{}   // closed by it at its end
	end     error           // of the last flush; read it after done

	// Of the goroutine alone.
	out      *os.File // nil while the file cannot be written
	taken    []byte   // lines on their way to the file
	reported uint64   // dropped records that were told
	report   <-chan time.Time
	retry    <-chan time.Time
}

func openFile(c conf.Logger, o Options) (*file, error) {
	out, err := openLog(c.File, c.Mode)
	if err != nil {
		return nil, err
	}
	f := &file{conf: c, log: o.Log, limit: o.QueueLimit, out: out, wake: make(chan struct{}, 1), reopens: make(chan chan error),
		quit: make(chan struct{}), done: make(chan struct{})}
	go f.run()
	return f, nil
}

// put queues a copy of line, or counts it as dropped. It never waits for the disk.
func (f *file) put(line []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed || len(f.queue)+f.held+len(line) > f.limit {
		f.dropped++
	} else {
		f.queue = append(f.queue, line...)
	}
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

// run is the goroutine.
func (f *file) run() {
	defer close(f.done)
	var beat <-chan time.Time
	if f.conf.Heartbeat > 0 {
		t := time.NewTicker(f.conf.Heartbeat)
		defer t.Stop()
		beat = t.C
	}
	for {
		select {
		case <-f.wake:
			f.flush()
		case <-beat:
			f.put(appendRecord(nil, f.conf.Beat, &subject{now: unixNow()}))
		case <-f.retry:
			f.again()
		case <-f.report:
			f.report = nil
			f.tellDropped()
		case answer := <-f.reopens:
			answer <- f.anew()
		case <-f.quit:
			f.end = f.finish()
			return
		}
	}
}

// flush writes what waits, if the file can be written.
func (f *file) flush() {
	f.tellDropped()
	if f.out != nil { // else retry comes
		f.write()
	}
}

// write writes what is left from before, and then the queue as it is now: what comes later wakes
// the goroutine again. It reports whether all went well.
func (f *file) write() bool {
	if !f.writeTaken() {
		return false
	}
	f.mu.Lock()
	f.taken, f.queue = f.queue, f.taken
	f.held = len(f.taken)
	f.mu.Unlock()
	return f.writeTaken()
}

func (f *file) writeTaken() bool {
	if len(f.taken) == 0 {
		return true
	}
	n, err := f.out.Write(f.taken)
	if err != nil { // the next attempt begins with the line that was not written whole
		n = bytes.LastIndexByte(f.taken[:n], '\n') + 1
	}
	lines := bytes.Count(f.taken[:n], []byte{'\n'})
	if room := cap(f.taken); n == len(f.taken) && room > keptQueue && n < room/8 {
		f.taken = nil // a burst is over
	} else {
		f.taken = append(f.taken[:0], f.taken[n:]...)
	}
	f.mu.Lock()
	f.written += uint64(lines)
	f.held = len(f.taken)
	f.mu.Unlock()
	if err != nil {
		f.fail(err)
	}
	return err == nil
}

// fail gives the file up for a while. It is told once until the file can be written again.
func (f *file) fail(err error) {
	f.mu.Lock()
	first := f.broken == nil
	f.broken = err
	f.mu.Unlock()
	if first {
		f.log.Error("stanza log cannot be written; records wait in memory as long as there is room", "file", f.conf.File, "err", err)
	}
	if f.out != nil {
		f.out.Close() // what went wrong is known already
		f.out = nil
	}
	f.retry = time.After(retryAfter)
}

// again tries a file that has failed.
func (f *file) again() {
	f.retry = nil
	out, err := openLog(f.conf.File, f.conf.Mode)
	if err != nil {
		f.fail(err)
		return
	}
	f.out = out
	if f.write() {
		f.healed()
	}
}

func (f *file) healed() {
	f.mu.Lock()
	was := f.broken
	f.broken = nil
	f.mu.Unlock()
	f.retry = nil
	if was != nil {
		f.log.Info("stanza log is written again", "file", f.conf.File)
	}
}

// anew opens the file again, which may be another one by now.
func (f *file) anew() error {
	f.flush()
	out, err := openLog(f.conf.File, f.conf.Mode)
	if err != nil {
		if f.out != nil {
			err = fmt.Errorf("%w; records go on to the file that was open", err)
		}
		return err
	}
	if f.out != nil {
		err = f.out.Close()
	}
	f.out = out
	if !f.write() {
		return errors.Join(err, f.reason())
	}
	f.healed()
	return err
}

// reason is why the file cannot be written; nil: it can.
func (f *file) reason() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.broken
}

// finish is the last flush. A file that has failed gets one more chance.
func (f *file) finish() error {
	if f.out == nil {
		f.again()
	} else {
		f.flush()
	}
	f.report = nil
	f.tellDropped()
	if f.out != nil {
		return f.out.Close()
	}
	return fmt.Errorf("%d bytes of records are lost: %w", f.stats().Waiting, f.reason())
}

// tellDropped tells how many records were dropped since it was told last, unless that was less than
// reportEvery ago: then it is told when that time is over.
func (f *file) tellDropped() {
	f.mu.Lock()
	total := f.dropped
	f.mu.Unlock()
	if f.report != nil || total == f.reported {
		return
	}
	f.log.Warn("stanza log does not keep up; records were dropped", "file", f.conf.File, "dropped", total-f.reported)
	f.reported = total
	f.report = time.After(reportEvery)
}

func (f *file) reopen() error {
	answer := make(chan error, 1)
	select {
	case f.reopens <- answer:
		return <-answer
	case <-f.done:
		return errors.New("the log is closed")
	}
}

func (f *file) close(ctx context.Context) error {
	f.mu.Lock()
	again := f.closed
	f.closed = true
	f.mu.Unlock()
	if !again {
		close(f.quit)
	}
	select {
	case <-f.done:
		return f.end
	case <-ctx.Done():
		return fmt.Errorf("%s: the disk did not take the last records in time: %w", f.conf.File, ctx.Err())
	}
}

func (f *file) stats() Stats {
	f.mu.Lock()
	defer f.mu.Unlock()
	return Stats{Name: label(f.conf), File: f.conf.File, Written: f.written, Dropped: f.dropped, Waiting: len(f.queue) + f.held, Err: f.broken}
}
