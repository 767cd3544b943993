package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// state is all that the page shows.
type state struct {
	Friendships []friendship       `json:"friendships"`
	Refresh     *refreshed         `json:"refresh"` // the last one
	Clients     map[string]*screen `json:"clients"`
}

type friendship struct {
	A       string `json:"a"`
	B       string `json:"b"`
	Friends bool   `json:"friends"`
}

// refreshed is a call of POST /roster_admin/refresh and Roost's answer.
type refreshed struct {
	Names  []string        `json:"names"`
	Reply  json.RawMessage `json:"reply"`
	Micros int64           `json:"micros"`
}

// screen is what one client knows.
type screen struct {
	JID    string           `json:"jid"` // "": not logged in
	Roster map[string]*item `json:"roster"`
	Log    []line           `json:"log"` // newest first
	here   map[string]bool  // who is available, by JID
}

type item struct {
	Name         string   `json:"name"`
	Subscription string   `json:"subscription"`
	Groups       []string `json:"groups"`
	Available    bool     `json:"available"`
}

type line struct {
	At   string `json:"at"`
	Kind string `json:"kind"` // push, presence, login
	Text string `json:"text"`
}

// note adds a line to the log of a client.
func (s *screen) note(kind, format string, args ...any) {
	const most = 30
	l := line{time.Now().Format("15:04:05.000"), kind, fmt.Sprintf(format, args...)}
	s.Log = append([]line{l}, s.Log[:min(len(s.Log), most-1)]...)
}

// board holds the state, and tells all open pages of each change.
type board struct {
	mu      sync.Mutex // guards what follows
	state   state
	changed chan struct{} // closed at the next change
}

func newBoard() *board {
	b := &board{state: state{Clients: map[string]*screen{}}, changed: make(chan struct{})}
	for _, name := range people[:played] {
		b.state.Clients[name] = &screen{Roster: map[string]*item{}, Log: []line{}, here: map[string]bool{}}
	}
	return b
}

// update changes the state.
func (b *board) update(fn func(*state)) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fn(&b.state)
	close(b.changed)
	b.changed = make(chan struct{})
}

// now is the state as JSON, and a channel that is closed when it is no longer that.
func (b *board) now() ([]byte, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	text, err := json.Marshal(b.state)
	if err != nil {
		panic(err) // the types above are all JSON
	}
	return text, b.changed
}

// events streams the state, whenever it has changed, as server-sent events.
func (b *board) events(w http.ResponseWriter, q *http.Request) {
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	rc := http.NewResponseController(w)
	for {
		text, changed := b.now()
		if _, err := fmt.Fprintf(w, "data: %s\n\n", text); err != nil || rc.Flush() != nil {
			return
		}
		select {
		case <-changed:
		case <-q.Context().Done():
			return
		}
	}
}
