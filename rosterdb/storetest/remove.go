package storetest

import (
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// RFC 6121 §2.5.
func remove(t *testing.T, s rosterdb.Store) {
	set, err := s.SetItem(ann, far, "", nil, rosterdb.Limits{})
	must(t, err)
	o, err := s.Remove(ann, far, false)
	must(t, err)
	if o.Unsubscribe || o.Unsubscribed || o.Ver <= set.Ver || o.Before.Contact != far {
		t.Fatalf("remove: %+v", o)
	}
	_, err = s.Remove(ann, far, false)
	want(t, err, rosterdb.ErrNoItem)
	_, err = s.PutRoster(ann, &rosterdb.Roster{Items: []rosterdb.Item{{Contact: far, Sub: rosterdb.SubBoth}}})
	must(t, err)
	o, err = s.Remove(ann, far, false)
	must(t, err)
	if !o.Unsubscribe || !o.Unsubscribed || o.Contact.Changed {
		t.Fatalf("remove of both: %+v", o)
	}
}

func removeTwoSided(t *testing.T, s rosterdb.Store) {
	befriend(t, s, ann, bob)
	o, err := s.Remove(ann, bob, true)
	must(t, err)
	if !o.Unsubscribe || !o.Unsubscribed || !o.DeliverUnsubscribe || !o.DeliverUnsubscribed ||
		!o.Contact.Push || o.Contact.Before.State() != rosterdb.StBoth || o.Contact.After.State() != rosterdb.StNone {
		t.Fatalf("remove: %+v", o)
	}
	state(t, s, ann, bob, rosterdb.StNone, false)
	state(t, s, bob, ann, rosterdb.StNone, true)
	// A request that waits is taken back.
	send(t, s, ann, cat, rosterdb.Subscribe)
	o, err = s.Remove(ann, cat, true)
	must(t, err)
	if !o.Unsubscribe || o.Unsubscribed || !o.DeliverUnsubscribe || o.Contact.Push {
		t.Fatalf("remove while asking: %+v", o)
	}
	if _, ok, _ := s.Item(cat, ann); ok {
		t.Fatal("the request waits still")
	}
}

func befriend(t *testing.T, s rosterdb.Store, a, b jid.JID) {
	t.Helper()
	for _, p := range [][2]jid.JID{{a, b}, {b, a}} {
		send(t, s, p[0], p[1], rosterdb.Subscribe)
		send(t, s, p[1], p[0], rosterdb.Subscribed)
	}
}
