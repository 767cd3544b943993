package rosterdb

import (
	"iter"
	"slices"
	"strings"

	"roost/xmlstream/jid"
)

// Sub is the subscription attribute of a roster item (RFC 6121 §2.1.2.5).
type Sub uint8

// The four values of the subscription attribute.
const (
	SubNone Sub = iota // neither side
	SubTo              // the owner gets the contact's presence
	SubFrom            // the contact gets the owner's presence
	SubBoth            // both
)

var subNames = [...]string{SubNone: "none", SubTo: "to", SubFrom: "from", SubBoth: "both"}

// String returns the attribute value: "none", "to", "from" or "both".
func (s Sub) String() string {
	if int(s) < len(subNames) {
		return subNames[s]
	}
	return "none"
}

// ParseSub reads an attribute value; ok is false for every other word.
func ParseSub(s string) (sub Sub, ok bool) {
	i := slices.Index(subNames[:], s)
	return Sub(max(i, 0)), i >= 0
}

// HasTo reports whether the owner gets the contact's presence.
func (s Sub) HasTo() bool { return s == SubTo || s == SubBoth }

// HasFrom reports whether the contact gets the owner's presence.
func (s Sub) HasFrom() bool { return s == SubFrom || s == SubBoth }

// Item is one entry of a roster. The zero Item stands for "no entry".
type Item struct {
	Contact jid.JID  // bare
	Name    string   // handle, "" when none
	Groups  []string // in the order they were set, without duplicates
	Sub     Sub
	Ask     bool // the owner asked and waits: "Pending Out", ask='subscribe'
	// PendingIn: the contact asked and waits. Request is the complete subscribe
	// stanza, kept for every login until it is answered (RFC 6121 §3.1.3); nil
	// when it was longer than Limits.MaxRequest, then the caller makes a bare one.
	PendingIn bool
	Request   []byte
	Approved  bool // pre-approval (RFC 6121 §3.4)
	// Listed: the owner knows of this entry. False only for an entry that exists
	// because a stranger asked: it is in no roster result and no push (RFC 6121
	// §3.1.3, "MUST NOT include an item for the user in the contact's roster").
	Listed bool
	Ver    uint64 // roster version of the last visible change of this entry

	// Extra and ExtraPending are JSON objects with the members that we do not
	// know, of the entry and of its pending_requests; nil when there are none.
	Extra, ExtraPending []byte
}

// IsZero reports whether i stands for "no entry".
func (i Item) IsZero() bool { return i.Contact.IsZero() }

// State is the subscription state of i, one of the nine of RFC 6121 §A.1.
func (i Item) State() State { return stateOf(i.Sub, i.Ask, i.PendingIn) }

// Visible reports whether the owner's clients may see i.
func (i Item) Visible() bool { return !i.IsZero() && i.Listed }

// Roster is a snapshot of one account's entries.
type Roster struct {
	// Ver changes with every visible change and never repeats, also not when a
	// roster is deleted and made again. 0 means that nothing was ever stored.
	Ver   uint64
	Items []Item // sorted by Contact.String(), one entry per contact

	// What Since needs; the zero values stand for a roster without a past.
	base, floor uint64
	past        string // tombstones (codec.go)
}

// Find looks an entry up, the invisible ones too.
func (r *Roster) Find(contact jid.JID) (Item, bool) {
	i, ok := findItem(r.Items, contact.Bare().String())
	if !ok {
		return Item{}, false
	}
	return r.Items[i], true
}

// findItem looks contact up in items that are sorted.
func findItem(items []Item, contact string) (i int, ok bool) {
	return slices.BinarySearchFunc(items, contact, func(it Item, key string) int {
		return strings.Compare(it.Contact.String(), key)
	})
}

// Visible yields the entries that the owner's clients may see (RFC 6121 §2.1.4).
func (r *Roster) Visible() iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for _, it := range r.Items {
			if it.Visible() && !yield(it) {
				return
			}
		}
	}
}

// Requests yields the entries whose subscription request waits for the owner,
// to be delivered again at each login (RFC 6121 §3.1.3).
func (r *Roster) Requests() iter.Seq[Item] {
	return func(yield func(Item) bool) {
		for _, it := range r.Items {
			if it.PendingIn && !yield(it) {
				return
			}
		}
	}
}
