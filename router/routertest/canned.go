package routertest

import (
	"bytes"
	"context"
	"log/slog"
	"runtime"
	"slices"
	"sync"

	"roost/router"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Accounts is a set of accounts.
type Accounts struct {
	mu   sync.Mutex
	have map[jid.JID]bool
	Err  error // what Exists fails with
	// OnExists runs in Exists, once.
	OnExists func()
}

// once runs *hook, which mu guards, and forgets it.
func once(mu *sync.Mutex, hook *func()) {
	mu.Lock()
	fn := *hook
	*hook = nil
	mu.Unlock()
	if fn != nil {
		fn()
	}
}

// Meanwhile starts fn beside the caller and gives it time to go as far as it can. The channel is
// closed when it has ended. For hooks: what the caller holds must keep fn waiting, or must not.
func Meanwhile(fn func()) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		fn()
	}()
	for range 1000 {
		runtime.Gosched()
	}
	return done
}

// Add makes accounts.
func (a *Accounts) Add(users ...jid.JID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.have == nil {
		a.have = map[jid.JID]bool{}
	}
	for _, u := range users {
		a.have[u] = true
	}
}

// Exists implements router.Accounts.
func (a *Accounts) Exists(user jid.JID) (bool, error) {
	once(&a.mu, &a.OnExists)
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.have[user], a.Err
}

// Rosters is a set of rosters, and a record of the subscription stanzas that were passed to it.
type Rosters struct {
	mu       sync.Mutex
	contacts map[jid.JID][]router.Contact
	pending  map[jid.JID][]string
	seen     []string
	Err      error               // what every method fails with
	Refuse   *stanza.StanzaError // what Subscription gives
	// OnContacts runs in Contacts, once.
	OnContacts func()
}

// Set puts contact into user's roster; from: the contact sees the user, to: the user the contact.
func (r *Rosters) Set(user, contact jid.JID, from, to bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.contacts == nil {
		r.contacts = map[jid.JID][]router.Contact{}
	}
	r.contacts[user] = append(r.contacts[user], router.Contact{JID: contact, From: from, To: to})
}

// Friends subscribes a and b to each other.
func (s *Server) Friends(a, b string) {
	s.T.Helper()
	x, y := JID(s.T, a), JID(s.T, b)
	s.Rosters.Set(x, y, true, true)
	s.Rosters.Set(y, x, true, true)
}

// Watches lets who see user's presence: who's roster has To, user's has From.
func (s *Server) Watches(who, user string) {
	s.T.Helper()
	x, y := JID(s.T, who), JID(s.T, user)
	s.Rosters.Set(x, y, false, true)
	s.Rosters.Set(y, x, true, false)
}

// AddPending stores a subscribe stanza that waits for user.
func (r *Rosters) AddPending(user jid.JID, stanza string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.pending == nil {
		r.pending = map[jid.JID][]string{}
	}
	r.pending[user] = append(r.pending[user], stanza)
}

// Contacts implements router.Rosters.
func (r *Rosters) Contacts(user jid.JID) ([]router.Contact, error) {
	once(&r.mu, &r.OnContacts)
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.contacts[user]), r.Err
}

// Sees implements router.Rosters.
func (r *Rosters) Sees(user, who jid.JID) (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.ContainsFunc(r.contacts[user], func(c router.Contact) bool { return c.JID == who && c.From }), r.Err
}

// Pending implements router.Rosters.
func (r *Rosters) Pending(user jid.JID, deliver func(stanza []byte)) error {
	r.mu.Lock()
	waiting := r.pending[user]
	r.mu.Unlock()
	for _, p := range waiting {
		deliver([]byte(p))
	}
	return r.Err
}

// Subscription implements router.Rosters.
func (r *Rosters) Subscription(from, to jid.JID, st *stanza.Stanza) *stanza.StanzaError {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.seen = append(r.seen, from.String()+" "+st.Type.String()+" "+to.String())
	return r.Refuse
}

// Seen is what Subscription was told since the last call: "from type to".
func (r *Rosters) Seen() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	seen := r.seen
	r.seen = nil
	return seen
}

// Offline is a store of messages.
type Offline struct {
	mu     sync.Mutex
	kept   map[jid.JID][]string
	Err    error  // what Add and Take fail with
	OnTake func() // runs in Take, once, before the stored messages are handed over
}

// Add implements router.Offline.
func (o *Offline) Add(user jid.JID, stanza []byte) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.Err != nil {
		return o.Err
	}
	if o.kept == nil {
		o.kept = map[jid.JID][]string{}
	}
	o.kept[user.Clone()] = append(o.kept[user], string(stanza))
	return nil
}

// Take implements router.Offline.
func (o *Offline) Take(user jid.JID, deliver func(stanza []byte) error) error {
	o.mu.Lock()
	kept := o.kept[user]
	if err := o.Err; err != nil {
		o.mu.Unlock()
		return err
	}
	delete(o.kept, user)
	o.mu.Unlock()
	once(&o.mu, &o.OnTake)
	for i, m := range kept {
		b := []byte(m)
		err := deliver(b)
		clear(b) // borrowed during the call only
		if err != nil {
			o.mu.Lock()
			o.kept[user] = append(kept[i:len(kept):len(kept)], o.kept[user]...)
			o.mu.Unlock()
			return err
		}
	}
	return nil
}

// Kept is what is stored for user.
func (o *Offline) Kept(user jid.JID) []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.kept[user])
}

// Federation records what goes to other domains.
type Federation struct {
	mu     sync.Mutex
	sent   []string
	Refuse *stanza.StanzaError
}

// Send implements router.Federation.
func (f *Federation) Send(from, to jid.JID, fr *stanza.Frame) *stanza.StanzaError {
	f.mu.Lock()
	defer f.mu.Unlock()
	defer fr.Release()
	if f.Refuse == nil {
		f.sent = append(f.sent, string(fr.Bytes()))
	}
	return f.Refuse
}

// Sent is what went out since the last call.
func (f *Federation) Sent() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	sent := f.sent
	f.sent = nil
	return sent
}

// Blobs is a store of small documents by account and namespace, as the features of router/xep
// declare it.
type Blobs struct {
	mu   sync.Mutex
	have map[blobKey][]byte
	Err  error // what both methods fail with
}

type blobKey struct {
	user  jid.JID
	space string
}

// Blob gives a copy of a document, nil when there is none.
func (b *Blobs) Blob(owner jid.JID, namespace string) ([]byte, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.have[blobKey{owner, namespace}]), b.Err
}

// SetBlob stores a copy of a document; an empty one deletes.
func (b *Blobs) SetBlob(owner jid.JID, namespace string, value []byte, maxSize int) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Err != nil {
		return b.Err
	}
	if len(value) > maxSize {
		panic("routertest: SetBlob over the size that the caller itself gave")
	}
	if b.have == nil {
		b.have = map[blobKey][]byte{}
	}
	k := blobKey{owner.Clone(), namespace}
	if len(value) == 0 {
		delete(b.have, k)
		return nil
	}
	b.have[k] = bytes.Clone(value)
	return nil
}

// Len is the number of documents.
func (b *Blobs) Len() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.have)
}

// Log counts what is logged; it is a slog.Handler.
type Log struct {
	mu    sync.Mutex
	lines []string
}

// Enabled implements slog.Handler.
func (l *Log) Enabled(context.Context, slog.Level) bool { return true }

// Handle implements slog.Handler.
func (l *Log) Handle(_ context.Context, r slog.Record) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, r.Message)
	return nil
}

// WithAttrs implements slog.Handler.
func (l *Log) WithAttrs([]slog.Attr) slog.Handler { return l }

// WithGroup implements slog.Handler.
func (l *Log) WithGroup(string) slog.Handler { return l }

// Lines is what was logged since the last call.
func (l *Log) Lines() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	lines := l.lines
	l.lines = nil
	return lines
}
