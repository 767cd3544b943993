package rosterdb

import "slices"

// apply runs one event over an entry of owner's roster; it.Contact may be the
// only field that is set. stanza is the complete subscribe stanza, keep says
// whether it may be stored. gone: nothing is left worth an entry.
func apply(it Item, d Direction, e Event, stanza []byte, keep bool) (next Item, step Step, gone bool) {
	before := it.State()
	step = Next(before, it.Approved, d, e)
	next = it
	p := stateParts[step.State]
	next.Sub, next.Ask, next.PendingIn, next.Approved = p.sub, p.out, p.in, step.Approved
	switch {
	case !next.PendingIn:
		next.Request = nil
	case !it.PendingIn && keep:
		next.Request = append([]byte(nil), stanza...)
	}
	// What the owner did, or what the contact may see, makes an entry known to
	// the owner; a stranger's request alone does not (RFC 6121 §3.1.3).
	next.Listed = it.Listed || mustList(next)
	gone = !next.Listed && !next.PendingIn
	return next, step, gone
}

// mustList reports whether an entry is of the kind that the owner made or
// granted, so that his clients see it.
func mustList(it Item) bool {
	return it.Sub != SubNone || it.Ask || it.Approved
}

// sameView reports whether clients see the same in a and b (RFC 6121 §2.1.2):
// no new roster version and no push when it is true.
func sameView(a, b Item) bool {
	if !a.Visible() || !b.Visible() {
		return a.Visible() == b.Visible()
	}
	return a.Name == b.Name && a.Sub == b.Sub && a.Ask == b.Ask && a.Approved == b.Approved &&
		slices.Equal(a.Groups, b.Groups)
}

// sameRecord reports whether a and b are stored alike, Ver aside.
func sameRecord(a, b Item) bool {
	return a.Contact == b.Contact && a.Listed == b.Listed && a.PendingIn == b.PendingIn &&
		a.Name == b.Name && a.Sub == b.Sub && a.Ask == b.Ask && a.Approved == b.Approved &&
		slices.Equal(a.Groups, b.Groups) && string(a.Request) == string(b.Request) &&
		string(a.Extra) == string(b.Extra) && string(a.ExtraPending) == string(b.ExtraPending)
}
