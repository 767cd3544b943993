package main

import (
	"crypto/subtle"
	_ "embed"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

//go:embed page.html
var page []byte

// pair is a friendship; the names are in the order of the alphabet.
type pair struct{ A, B string }

// app is the web application. It alone decides who is whose friend.
type app struct {
	token   string
	board   *board
	refresh func(names ...string) (reply json.RawMessage, err error)

	change  sync.Mutex // one change and its refresh at a time
	mu      sync.Mutex // guards friends
	friends map[pair]bool
}

func (a *app) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /contacts/{name}", a.contacts) // HTTP_Roster_URL
	mux.HandleFunc("PUT /friendships/{a}/{b}", a.set(true))
	mux.HandleFunc("DELETE /friendships/{a}/{b}", a.set(false))
	mux.HandleFunc("GET /events", a.board.events)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'")
		w.Write(page)
	})
	a.board.update(func(s *state) { s.Friendships = a.pairs() })
	return http.NewCrossOriginProtection().Handler(mux) // no other page may press our buttons
}

// contact is one entry of a roster, as Roost wants it.
type contact struct {
	Name   string   `json:"name"`
	Groups []string `json:"groups"`
}

// contacts answers Roost's question for the roster of one user: contact → entry. Contacts without a
// subscription of their own have the subscription "both".
func (a *app) contacts(w http.ResponseWriter, q *http.Request) {
	if subtle.ConstantTimeCompare([]byte(q.Header.Get("Authorization")), []byte("Bearer "+a.token)) != 1 {
		w.Header().Set("WWW-Authenticate", "Bearer")
		http.Error(w, "this is between Roost and the application", http.StatusUnauthorized)
		return
	}
	name := q.PathValue("name")
	if !slices.Contains(people, name) {
		http.NotFound(w, q)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(a.roster(name))
}

func (a *app) roster(name string) map[string]contact {
	a.mu.Lock()
	defer a.mu.Unlock()
	out := map[string]contact{}
	for p, ok := range a.friends {
		for me, other := range map[string]string{p.A: p.B, p.B: p.A} {
			if ok && me == name {
				out[other+"@"+domain] = contact{strings.ToUpper(other[:1]) + other[1:], []string{"Friends"}}
			}
		}
	}
	return out
}

// set makes or ends a friendship, and tells Roost whose rosters have changed.
func (a *app) set(friends bool) http.HandlerFunc {
	return func(w http.ResponseWriter, q *http.Request) {
		p := pair{min(q.PathValue("a"), q.PathValue("b")), max(q.PathValue("a"), q.PathValue("b"))}
		if p.A == p.B || !slices.Contains(people, p.A) || !slices.Contains(people, p.B) {
			http.Error(w, fmt.Sprintf("no pair of %v", people), http.StatusNotFound)
			return
		}
		a.change.Lock()
		defer a.change.Unlock()
		begin := time.Now()
		a.mu.Lock()
		a.friends[p] = friends
		a.mu.Unlock()
		a.board.update(func(s *state) { s.Friendships = a.pairs() })
		reply, err := a.refresh(p.A, p.B)
		if err != nil { // the application's truth has changed all the same; Roost fetches it at the next login
			log.Print("refresh: ", err)
			reply, _ = json.Marshal(map[string]string{"status": "error", "message": err.Error()})
		}
		a.board.update(func(s *state) {
			s.Refresh = &refreshed{[]string{p.A, p.B}, reply, time.Since(begin).Microseconds()}
		})
		w.WriteHeader(http.StatusNoContent)
	}
}

// pairs lists all that there can be.
func (a *app) pairs() (out []friendship) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, x := range people {
		for _, y := range people[i+1:] {
			out = append(out, friendship{x, y, a.friends[pair{x, y}]})
		}
	}
	return out
}
