package router

import (
	"sync"

	"roost/xmlstream/jid"
)

// maxSights bounds what is remembered of other domains' presence, in all of them together: some
// 150 bytes each. What comes beyond is shown and not remembered.
const maxSights = 200_000

// A sight is a user of another domain who is available for a user of ours, as it was addressed.
type sight struct{ who, to jid.JID }

// sights remembers whom our users see of other domains. The zero value is ready.
type sights struct {
	mu   sync.Mutex
	n    int // in seen
	m    int // in lost
	seen map[string]map[sight]struct{}
	// lost are the bare addresses of those who were taken away with their domain, by our users.
	lost map[string]map[jid.JID]map[jid.JID]bool
}

// add remembers; the addresses may be borrowed.
func (v *sights) add(who, to jid.JID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	of := v.seen[who.Domain()]
	if _, ok := of[sight{who, to}]; ok || v.n >= maxSights {
		return
	}
	who, to = who.Clone(), to.Clone()
	if of == nil {
		of = map[sight]struct{}{}
		if v.seen == nil {
			v.seen = map[string]map[sight]struct{}{}
		}
		v.seen[who.Domain()] = of
	}
	of[sight{who, to}] = struct{}{}
	v.n++
}

// drop forgets.
func (v *sights) drop(who, to jid.JID) {
	v.mu.Lock()
	defer v.mu.Unlock()
	of := v.seen[who.Domain()]
	if _, ok := of[sight{who, to}]; !ok {
		return
	}
	delete(of, sight{who, to})
	if v.n--; len(of) == 0 {
		delete(v.seen, who.Domain())
	}
}

// lose takes everybody of a domain away and notes whom to ask for when it is back.
func (v *sights) lose(domain string) (gone []sight) {
	v.mu.Lock()
	defer v.mu.Unlock()
	of := v.seen[domain]
	delete(v.seen, domain)
	v.n -= len(of)
	for s := range of {
		v.note(domain, s)
		if _, all := of[sight{s.who, s.to.Bare()}]; all && !s.to.IsBare() {
			continue // the answer to a probe, say: what goes to the bare address says it, too
		}
		gone = append(gone, s)
	}
	return gone
}

func (v *sights) note(domain string, s sight) {
	if v.m >= maxSights { // domains that never come back
		return
	}
	if v.lost == nil {
		v.lost = map[string]map[jid.JID]map[jid.JID]bool{}
	}
	users := v.lost[domain]
	if users == nil {
		users = map[jid.JID]map[jid.JID]bool{}
		v.lost[domain] = users
	}
	user := s.to.Bare()
	if users[user] == nil {
		users[user] = map[jid.JID]bool{}
	}
	if bare := s.who.Bare(); !users[user][bare] {
		users[user][bare] = true
		v.m++
	}
}

// find gives, and forgets, whom to ask for: by our user, their bare addresses.
func (v *sights) find(domain string) map[jid.JID]map[jid.JID]bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	users := v.lost[domain]
	delete(v.lost, domain)
	for _, whom := range users {
		v.m -= len(whom)
	}
	return users
}
