package router

import "roost/xmlstream/jid"

// Hooks are the points at which small features join in. They are added before the first session
// is bound, run in the order of their adding, and may block.
type hooks struct {
	bound   []func(full jid.JID)
	offline []func(user jid.JID, status string)
	gone    []func(user jid.JID)
}

// OnBound adds fn, called when a session has been bound. It must not block: the client waits.
func (r *Router) OnBound(fn func(full jid.JID)) { r.hooks.bound = append(r.hooks.bound, fn) }

// OnOffline adds fn, called when the last available resource of a user has gone. status is the
// text of its last presence (XEP-0012 §4).
func (r *Router) OnOffline(fn func(user jid.JID, status string)) {
	r.hooks.offline = append(r.hooks.offline, fn)
}

// OnGone adds fn, called when the last session of a user has ended, available or not. Meanwhile a new
// one may have begun.
func (r *Router) OnGone(fn func(user jid.JID)) { r.hooks.gone = append(r.hooks.gone, fn) }

func (r *Router) wentOffline(user jid.JID, tail string) {
	if len(r.hooks.offline) == 0 {
		return
	}
	status := statusOf(tail)
	for _, fn := range r.hooks.offline {
		fn(user, status)
	}
}
