package xep0227

import (
	"errors"
	"sync"

	"roost/xmlstream/jid"
)

// Sizes of an import: a group of users is stored while the next one is read, so
// that two groups are in memory, or two of the largest users.
const (
	groupUsers = 256     // stored at once, sharing the flushes of the disk
	groupBytes = 4 << 20 // of what they hold; a larger user is a group of its own
)

// storer stores users in groups, beside the reader.
type storer struct {
	o      *ImportOptions
	group  []*user
	owners map[jid.JID]bool
	size   int
	groups chan []*user
	done   chan struct{}

	mu     sync.Mutex // guards report and fatal
	report Report
	fatal  error
}

func newStorer(o *ImportOptions) *storer {
	s := &storer{o: o, owners: map[jid.JID]bool{}, groups: make(chan []*user), done: make(chan struct{})}
	go s.run()
	return s
}

// add takes a user; the error is the fatal one, after which nothing is stored any more.
func (s *storer) add(u *user) error {
	if s.owners[u.owner] { // the same user again: after the first
		s.flush()
	}
	s.owners[u.owner] = true
	s.group = append(s.group, u)
	s.size += u.size
	if len(s.group) >= groupUsers || s.size >= groupBytes {
		s.flush()
	}
	return s.failed()
}

func (s *storer) flush() {
	if len(s.group) > 0 {
		s.groups <- s.group
	}
	s.group, s.size = nil, 0
	clear(s.owners)
}

func (s *storer) failed() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.fatal
}

// forget is told why reading ended: after a fatal error the rest is not stored.
func (s *storer) forget(err error) {
	if s.failed() != nil {
		s.group = nil
	}
}

// end stores the rest.
func (s *storer) end() (Report, error) {
	s.flush()
	close(s.groups)
	<-s.done
	return s.report, s.fatal
}

func (s *storer) run() {
	defer close(s.done)
	for group := range s.groups {
		if s.failed() != nil {
			continue
		}
		var wg sync.WaitGroup
		for _, u := range group {
			wg.Go(func() { s.user(u) })
		}
		wg.Wait()
	}
}

// user stores one user: first what does not need the others.
func (s *storer) user(u *user) {
	var done Report
	ok := true
	keep := func(count *int, n int, what string, missing bool, fn func() error) {
		if n == 0 || !ok {
			return
		}
		err := ErrElsewhere
		if !missing {
			err = fn()
		}
		switch {
		case err == nil:
			*count += n
		case errors.Is(err, ErrElsewhere):
			done.leaveN(Count{what, n, u.at})
		default:
			ok = s.problem(u, err)
		}
	}
	one := func(is bool) int {
		if is {
			return 1
		}
		return 0
	}
	keep(&done.Accounts, one(!u.credentials.IsZero()), "account", s.o.Credentials == nil, func() error { return s.o.Credentials(u.owner, u.credentials) })
	keep(&done.Rosters, one(u.roster != nil), "roster", s.o.Roster == nil, func() error { return s.o.Roster(u.owner, u.roster) })
	keep(&done.Messages, len(u.messages), "offline message", s.o.Offline == nil, func() error { return s.o.Offline(u.owner, u.messages) })
	for _, d := range u.documents {
		keep(&done.Documents, 1, "document "+d.namespace, s.o.Document == nil, func() error { return s.o.Document(u.owner, d.namespace, d.doc) })
	}
	if u.credentials.IsZero() && s.o.Credentials != nil {
		done.leave("user without a password or keys (no account was made)", u.at)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	done.Users = 1
	s.report.add(&done)
}

// problem notes an error; false when it ends the import.
func (s *storer) problem(u *user, err error) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.o.Fatal != nil && s.o.Fatal(err) {
		if s.fatal == nil {
			s.fatal = err
		}
		return false
	}
	s.report.wrong(Problem{Pos: u.at, Who: u.owner.String(), What: err.Error()})
	return true
}
