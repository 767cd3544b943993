// Package storetest is the suite that every rosterdb.Store must pass.
package storetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// Run runs the suite. open makes an empty store that derives keys with Derive
// and HA1 by default; it registers its own cleaning up.
func Run(t *testing.T, open func(t *testing.T) rosterdb.Store) {
	for _, c := range []struct {
		name string
		test func(*testing.T, rosterdb.Store)
	}{
		{"EmptyRoster", emptyRoster},
		{"SetItem", setItem},
		{"SetItemLimits", setItemLimits},
		{"Handshake", handshake},
		{"Stranger", stranger},
		{"StrangerLimits", strangerLimits},
		{"PreApproval", preApproval},
		{"AutoReply", autoReply},
		{"OneSideLocal", oneSideLocal},
		{"Remove", remove},
		{"RemoveTwoSided", removeTwoSided},
		{"PutRoster", putRoster},
		{"ReplaceRoster", replaceRoster},
		{"CompareAndSwap", compareAndSwap},
		{"RosterOwners", rosterOwners},
		{"VersionsNeverRepeat", versionsNeverRepeat},
		{"Since", since},
		{"SinceReplace", sinceReplace},
		{"SinceDelete", sinceDelete},
		{"SinceWalk", sinceWalk},
		{"UnknownMembers", unknownMembers},
		{"Rosters", rosters},
		{"Walk", walk},
		{"WalkConcurrent", walkConcurrent},
		{"NoLostUpdates", noLostUpdates},
		{"Accounts", accounts},
		{"Import", importAccounts},
		{"DeleteAccount", deleteAccount},
		{"Digest", digest},
		{"Offline", offline},
		{"OfflineLimits", offlineLimits},
		{"OfflineOrder", offlineOrder},
		{"Blobs", blobs},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// must ends the test on an error.
func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// want ends the test unless err is of that kind.
func want(t *testing.T, err, kind error) {
	t.Helper()
	if !errors.Is(err, kind) {
		t.Fatalf("error is %v, want %v", err, kind)
	}
}

func j(s string) jid.JID {
	v, err := jid.Parse(s)
	if err != nil {
		panic(err) // a mistake in the test
	}
	return v
}

var (
	ann = j("ann@a.example")
	bob = j("bob@a.example")
	cat = j("cat@a.example")
	far = j("dan@far.example")
)

func request(from jid.JID) []byte {
	return fmt.Appendf(nil, "<presence from='%s' type='subscribe'><status>hi</status></presence>", from)
}

// send is one subscription stanza between two local users.
func send(t *testing.T, s rosterdb.Store, from, to jid.JID, e rosterdb.Event) rosterdb.Outcome {
	t.Helper()
	x := rosterdb.Exchange{From: from, To: to, Event: e, FromLocal: from != far, ToLocal: to != far}
	if e == rosterdb.Subscribe {
		x.Stanza = request(from)
	}
	out, err := s.Subscription(x)
	must(t, err)
	return out
}

// state checks one side's entry.
func state(t *testing.T, s rosterdb.Store, owner, contact jid.JID, st rosterdb.State, listed bool) rosterdb.Item {
	t.Helper()
	it, ok, err := s.Item(owner, contact)
	must(t, err)
	if it.State() != st || it.Visible() != listed {
		t.Fatalf("%s has %s as %v, visible %v (entry %v); want %v, visible %v", owner, contact, it.State(), it.Visible(), ok, st, listed)
	}
	r, err := s.Roster(owner)
	must(t, err)
	if found, okAll := r.Find(contact); okAll != ok || !same(found, it) || found.Ver != it.Ver {
		t.Fatalf("Item gives %+v, Roster gives %+v", it, found)
	}
	if got := slices.ContainsFunc(slices.Collect(r.Visible()), func(v rosterdb.Item) bool { return v.Contact == contact }); got != listed {
		t.Fatalf("in the visible entries: %v, want %v", got, listed)
	}
	return it
}

// same compares two items; Ver aside.
func same(a, b rosterdb.Item) bool {
	return a.Contact == b.Contact && a.Name == b.Name && slices.Equal(a.Groups, b.Groups) &&
		a.Sub == b.Sub && a.Ask == b.Ask && a.PendingIn == b.PendingIn && a.Approved == b.Approved &&
		a.Listed == b.Listed && string(a.Request) == string(b.Request) &&
		string(a.Extra) == string(b.Extra) && string(a.ExtraPending) == string(b.ExtraPending)
}
