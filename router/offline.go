package router

import (
	"errors"
	"time"

	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

const (
	nsDelay      = "urn:xmpp:delay"                        // XEP-0203
	nsChatStates = "http://jabber.org/protocol/chatstates" // XEP-0085
	nsHints      = "urn:xmpp:hints"                        // XEP-0334
)

// store keeps a message for bare (XEP-0160), unless a resource has come meanwhile. It blocks.
func (r *Router) store(s *Session, st *stanza.Stanza, bare jid.JID) {
	inbox := r.stripe(&r.inbox, bare)
	inbox.Lock()
	defer inbox.Unlock()
	switch act := r.attempt(st, bare, false); {
	case act != keep:
		return // a resource came on line while we waited, and took it
	case !worthKeeping(st):
		return // XEP-0160 §3: chat states are of no use later
	case r.cfg.Offline == nil:
		r.bounce(s, st, stanza.ServiceUnavailable.New())
		return
	}
	f := relay(st, st.From)
	defer f.Release()
	err := r.cfg.Offline.Add(bare, stamp(f.Bytes(), bare.Domain(), time.Now()))
	switch {
	case err == nil:
	case errors.Is(err, ErrFull): // XEP-0160 §2: as if offline storage did not exist
		r.bounce(s, st, stanza.ServiceUnavailable.With("the recipient's offline storage is full"))
	default:
		r.bounce(s, st, r.StoreError("offline message", bare, err))
	}
}

// worthKeeping reports whether a message means anything later. XEP-0160 §3: chat messages that
// hold nothing but chat states do not; XEP-0334 §4.1: nor does what asks not to be stored.
func worthKeeping(st *stanza.Stanza) bool {
	other := false
	for c := range st.El.Children() {
		switch string(c.Space()) {
		case nsHints:
			if l := string(c.Local()); l == "no-store" || l == "no-permanent-store" {
				return false
			}
		case nsChatStates:
		default:
			if string(c.Local()) != "thread" {
				other = true
			}
		}
	}
	return other || st.Type != stanza.Chat
}

// stamp adds the moment of storing in front of the end tag of a serialized stanza (XEP-0203). It
// gives an owned copy.
func stamp(b []byte, domain string, at time.Time) []byte {
	const end = "</message>"
	delay := "<delay xmlns='" + nsDelay + "' from='" + domain + "' stamp='" +
		at.UTC().Format("2006-01-02T15:04:05.000Z") + "'/>"
	out := make([]byte, 0, len(b)+len(delay)+len(end))
	if b[len(b)-2] == '/' { // <message …/>
		out = append(append(out, b[:len(b)-2]...), '>')
	} else {
		out = append(out, b[:len(b)-len(end)]...)
	}
	return append(append(out, delay...), end...)
}

// errEnding is what a stream gives that takes nothing more.
var errEnding = errors.New("the stream is ending")

// flush delivers what was stored for s, which is about to take messages. ready marks s as doing so
// before anybody can store again: no message overtakes a stored one (RFC 6120 §10.1). It blocks.
func (r *Router) flush(s *Session, ready func()) {
	bare := s.JID.Bare()
	inbox := r.stripe(&r.inbox, bare)
	inbox.Lock()
	defer inbox.Unlock()
	if r.cfg.Offline != nil {
		err := r.cfg.Offline.Take(bare, func(b []byte) error {
			if !s.Deliver(stanza.FrameOf(b)) {
				return errEnding // what is left stays stored
			}
			return nil
		})
		if err != nil && !errors.Is(err, errEnding) {
			r.cfg.Log.Error("offline messages were not read", "user", bare.String(), "err", err)
		}
	}
	ready()
}

// StoreError logs a store's fault once, unless that has been done, and gives the error for the one who asked.
func (r *Router) StoreError(what string, who jid.JID, err error) *stanza.StanzaError {
	if errors.Is(err, ErrAway) {
		return stanza.InternalServerError.With("the service that keeps the rosters does not answer as it should; try again later")
	}
	r.cfg.Log.Error("store failed", "what", what, "user", who.String(), "err", err)
	if errors.Is(err, ErrNoSpace) {
		return stanza.ResourceConstraint.With("the server cannot store at the moment")
	}
	return stanza.InternalServerError.With("the server's store failed")
}
