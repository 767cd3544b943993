package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

var errRefused = errors.New("refused")

// replaceRoster: the check sees what is there, and decides.
func replaceRoster(t *testing.T, s rosterdb.Store) {
	refuse := func(*rosterdb.Roster) error { return errRefused }
	r := &rosterdb.Roster{Items: []rosterdb.Item{{Contact: bob, Name: "Bob", Sub: rosterdb.SubTo}}}
	_, _, err := s.ReplaceRoster(ann, r, refuse)
	want(t, err, errRefused)
	absent := func(old *rosterdb.Roster) error {
		if old.Ver != 0 {
			return errRefused
		}
		return nil
	}
	old, now, err := s.ReplaceRoster(ann, r, absent)
	must(t, err)
	stored, err := s.Roster(ann)
	must(t, err)
	if old.Ver != 0 || now.Ver != stored.Ver || len(now.Items) != 1 || now.Items[0].Ver != stored.Items[0].Ver || !now.Items[0].Listed {
		t.Fatalf("old %+v, now %+v, stored %+v", old, now, stored)
	}
	_, _, err = s.ReplaceRoster(ann, r, absent)
	want(t, err, errRefused)
	_, _, err = s.ReplaceRoster(ann, nil, refuse)
	want(t, err, errRefused)
	if again, err := s.Roster(ann); err != nil || again.Ver != stored.Ver {
		t.Fatalf("a refused change changed: %+v, %v", again, err)
	}
	old, now, err = s.ReplaceRoster(ann, nil, nil)
	must(t, err)
	if len(old.Items) != 1 || len(now.Items) != 0 || now.Ver <= old.Ver {
		t.Fatalf("deleted: old %+v, now %+v", old, now)
	}
	_, now, err = s.ReplaceRoster(ann, nil, nil)
	must(t, err)
	if now.Ver != 0 {
		t.Fatalf("deleted twice: %+v", now)
	}
	_, _, err = s.ReplaceRoster(ann, &rosterdb.Roster{Items: []rosterdb.Item{{Contact: ann}}}, nil)
	want(t, err, rosterdb.ErrBadItem)
}

// compareAndSwap: of all who saw a version only one writes the next.
func compareAndSwap(t *testing.T, s rosterdb.Store) {
	const writers, rounds = 8, 20
	_, err := s.PutRoster(ann, &rosterdb.Roster{})
	must(t, err)
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for n := 0; n < rounds; {
				r, err := s.Roster(ann)
				if err != nil {
					t.Error(err)
					return
				}
				mine := j(fmt.Sprintf("c%d-%d@a.example", w, n))
				_, _, err = s.ReplaceRoster(ann, &rosterdb.Roster{Items: append(r.Items, rosterdb.Item{Contact: mine})}, func(now *rosterdb.Roster) error {
					if now.Ver != r.Ver {
						return errRefused
					}
					return nil
				})
				switch {
				case err == nil:
					n++
				case !errors.Is(err, errRefused):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	r, err := s.Roster(ann)
	must(t, err)
	if len(r.Items) != writers*rounds {
		t.Fatalf("%d entries of %d", len(r.Items), writers*rounds)
	}
}

// rosterOwners: pages of a domain, in order, and nothing of others.
func rosterOwners(t *testing.T, s rosterdb.Store) {
	var all []jid.JID
	for _, owner := range []string{"a.example", "a@a.example", "b@a.example", "bb@a.example", "c@a.example", "c@a.example.org", "a@b.example"} {
		_, err := s.PutRoster(j(owner), &rosterdb.Roster{})
		must(t, err)
		if strings.HasSuffix(owner, "a.example") {
			all = append(all, j(owner))
		}
	}
	for n := 1; n <= len(all)+1; n++ {
		var got []jid.JID
		for after := (jid.JID{}); ; after = got[len(got)-1] {
			page, err := s.RosterOwners("a.example", after, n)
			must(t, err)
			if len(page) == 0 {
				break
			}
			got = append(got, page...)
		}
		if !slices.Equal(got, all) {
			t.Errorf("pages of %d: %v, want %v", n, got, all)
		}
	}
}
