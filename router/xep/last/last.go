// Package last tells how long the server has been up, and how long a user has been away
// (XEP-0012).
package last

import (
	"bytes"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"roost/router"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// NS is the namespace of the protocol, and of what is stored.
const NS = "jabber:iq:last"

// MaxStatus is how many bytes of a user's last status are kept.
const MaxStatus = 1024

// Store keeps one small document for each account and namespace. It may block.
type Store interface {
	// Blob gives nil when there is none.
	Blob(owner jid.JID, namespace string) ([]byte, error)
	// SetBlob stores a copy of value.
	SetBlob(owner jid.JID, namespace string, value []byte, maxSize int) error
}

type service struct {
	r     *router.Router
	store Store
	now   func() time.Time
	log   *slog.Logger
	since time.Time // the server's start
}

// Register adds the feature to r, whose uptime starts now. now is time.Now but in tests.
func Register(r *router.Router, store Store, now func() time.Time, log *slog.Logger) {
	s := &service{r: r, store: store, now: now, log: log, since: now()}
	r.Handle(router.Row{Space: NS, Local: "query", Get: true,
		To: router.ToServer | router.ToOwn | router.ToOthers, Unknown: true, Handle: s.answer})
	r.OnOffline(s.offline)
}

func (s *service) answer(q *router.IQ) {
	switch q.Target {
	case router.ToServer: // §5
		s.reply(q, s.now().Sub(s.since), "")
	case router.ToOwn: // §3: the account has a connected resource, the one that asks
		s.reply(q, 0, "")
	default:
		s.others(q)
	}
}

// others answers about another account (§3). §8: nobody else learns of its presence; an account that
// does not exist has a roster that lets nobody see it, so it looks the same.
func (s *service) others(q *router.IQ) {
	user := q.Account()
	sees, err := q.Router.Sees(user, q.From)
	switch {
	case err != nil:
		q.Fault("roster", err)
	case !sees:
		q.Error(stanza.Forbidden.New())
	case len(q.Router.Available(user)) > 0:
		s.reply(q, 0, "")
	default:
		s.away(q, user)
	}
}

func (s *service) away(q *router.IQ, user jid.JID) {
	b, err := s.store.Blob(user, NS)
	if err != nil {
		q.Fault("last activity", err)
		return
	}
	at, status, ok := decode(b)
	if !ok {
		q.Error(stanza.ItemNotFound.With("it is not known when " + user.String() + " was here"))
		return
	}
	s.reply(q, s.now().Sub(at), status)
}

func (s *service) reply(q *router.IQ, d time.Duration, status string) {
	q.Result(func(dst []byte) []byte {
		dst = append(dst, "<query xmlns='"+NS+"' seconds='"...)
		dst = strconv.AppendInt(dst, int64(max(d, 0)/time.Second), 10) // a clock may be set back
		if status == "" {
			return append(dst, "'/>"...)
		}
		dst = append(dst, "'>"...)
		return append(xmlstream.AppendText(dst, status), "</query>"...)
	})
}

// offline keeps when and with which words a user went (§3).
func (s *service) offline(user jid.JID, status string) {
	b := encode(s.now(), status)
	if err := s.store.SetBlob(user, NS, b, len(b)); err != nil {
		s.log.Error("last activity was not stored", "user", user.String(), "err", err)
	}
}

// encode writes what is stored: "1 SECONDS STATUS", the version of the format and Unix time.
func encode(at time.Time, status string) []byte {
	b := strconv.AppendInt([]byte("1 "), at.Unix(), 10)
	return append(append(b, ' '), cut(status)...)
}

func decode(b []byte) (at time.Time, status string, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte("1 "))
	if !ok {
		return at, "", false
	}
	sec, status, ok := strings.Cut(string(b), " ")
	if !ok {
		return at, "", false
	}
	n, err := strconv.ParseInt(sec, 10, 64)
	return time.Unix(n, 0), status, err == nil
}

// cut shortens s to MaxStatus, at the start of a character.
func cut(s string) string {
	if len(s) <= MaxStatus {
		return s
	}
	n := MaxStatus
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
