package statuspage

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"sync"
	"time"
)

// Limits of the live view.
const (
	// MaxWatchers is how many pages may be open at once; further ones show what was when they came.
	MaxWatchers = 64
	// Beat is how often an open page is brought up to date.
	Beat = 2 * time.Second
)

//go:embed page.html
var source string

var page = template.Must(template.New("page").Parse(source))

// parts are the pieces of the page that change, each a template of its own and an element with that id.
var parts = []string{"state", "numbers", "charts", "listeners", "links", "logins", "busiest", "slowest", "errors"}

// Page serves the status page and its events. Make it with New, and end it with Close.
type Page struct {
	look func() *Snapshot
	past history

	mu       sync.Mutex // guards what follows
	watchers map[chan []byte]struct{}
	closed   bool

	stop context.CancelFunc
	done sync.WaitGroup
}

// New makes a Page. look is called once a step for the curves, for each request, and once a beat while
// somebody watches; it must be safe for concurrent use.
func New(look func() *Snapshot) *Page {
	ctx, stop := context.WithCancel(context.Background())
	p := &Page{look: look, watchers: map[chan []byte]struct{}{}, stop: stop}
	p.past.add(look())
	p.done.Go(func() { p.run(ctx) })
	return p
}

// Close ends the live views.
func (p *Page) Close() {
	p.stop()
	p.done.Wait()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for w := range p.watchers {
		close(w)
		delete(p.watchers, w)
	}
}

func (p *Page) run(ctx context.Context) {
	record, beat := time.NewTicker(step), time.NewTicker(Beat)
	defer record.Stop()
	defer beat.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-record.C:
			p.past.add(p.look())
		case <-beat.C:
			p.tell()
		}
	}
}

// tell sends the parts to everybody who watches; who has not taken the last ones misses these.
func (p *Page) tell() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.watchers) == 0 {
		return
	}
	event, err := p.event()
	if err != nil {
		return // a template that cannot be run shows in the page itself
	}
	for w := range p.watchers {
		select {
		case w <- event:
		default:
		}
	}
}

// event is one message of the live view: the parts as JSON, by id.
func (p *Page) event() ([]byte, error) {
	v := p.view()
	out := map[string]string{}
	for _, name := range parts {
		var b bytes.Buffer
		if err := page.ExecuteTemplate(&b, name, v); err != nil {
			return nil, err
		}
		out[name] = b.String()
	}
	b, err := json.Marshal(out)
	return fmt.Appendf(nil, "data: %s\n\n", b), err
}

// ServeHTTP serves the page.
func (p *Page) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	var b bytes.Buffer
	if err := page.Execute(&b, p.view()); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	// Nothing is loaded from anywhere, and nobody may frame the page.
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'; img-src data:; frame-ancestors 'none'")
	w.Write(b.Bytes())
}

// Events serves the live view (HTML Living Standard §9.2).
func (p *Page) Events(w http.ResponseWriter, q *http.Request) {
	in := p.watch()
	if in == nil {
		http.Error(w, fmt.Sprintf("%d pages are open already", MaxWatchers), http.StatusServiceUnavailable)
		return
	}
	defer p.leave(in)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	out := http.NewResponseController(w)
	if out.Flush() != nil {
		return
	}
	for {
		select {
		case <-q.Context().Done():
			return
		case event, open := <-in:
			out.SetWriteDeadline(time.Now().Add(10 * time.Second)) // who does not read goes
			if !open {
				return
			}
			if _, err := w.Write(event); err != nil || out.Flush() != nil {
				return
			}
		}
	}
}

func (p *Page) watch() chan []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || len(p.watchers) >= MaxWatchers {
		return nil
	}
	w := make(chan []byte, 1)
	p.watchers[w] = struct{}{}
	return w
}

func (p *Page) leave(w chan []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.watchers, w)
}
