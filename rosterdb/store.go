package rosterdb

import (
	"iter"

	"roost/xmlstream/jid"
)

// Store is what the server asks of a roster and account store. All methods may
// be called from any goroutine and may block on the disk.
type Store interface {
	Rosters
	Accounts
	Offline
	Blobs
	Close() error
}

// Rosters is the part of Store about rosters.
type Rosters interface {
	// Roster returns a snapshot; an empty one when the account has none.
	Roster(owner jid.JID) (*Roster, error)
	// Item looks one entry up without decoding the others; the invisible ones too.
	Item(owner, contact jid.JID) (Item, bool, error)
	// Subscription applies one subscription stanza to both sides in one transaction.
	Subscription(x Exchange) (Outcome, error)
	// SetItem is a roster set (RFC 6121 §2.3, §2.4): name and groups are replaced,
	// the subscription stays. ErrRosterFull, ErrBadItem.
	SetItem(owner, contact jid.JID, name string, groups []string, l Limits) (Change, error)
	// Remove is a roster remove (RFC 6121 §2.5). With contactLocal the implied
	// unsubscribe and unsubscribed are applied to the contact's record too.
	// ErrNoItem when the owner has no visible entry.
	Remove(owner, contact jid.JID, contactLocal bool) (RemoveOutcome, error)
	// PutRoster replaces the whole record; r.Ver and the items' Ver are ignored
	// and set anew. It returns what was there before.
	PutRoster(owner jid.JID, r *Roster) (old *Roster, err error)
	// DeleteRoster removes the record and returns it.
	DeleteRoster(owner jid.JID) (old *Roster, err error)
	// ReplaceRoster does as PutRoster, or as DeleteRoster when r is nil, if check
	// lets it: check sees the roster that is there, in the same transaction, and
	// its error refuses the change and is returned as it is. nil lets everything.
	// now is what is stored then; of a deleted roster it has no items, and a
	// version for telling clients that is newer than all before. now shares r's strings.
	ReplaceRoster(owner jid.JID, r *Roster, check func(old *Roster) error) (old, now *Roster, err error)
	// Rosters calls fn for every stored roster of a domain in order of the owner;
	// an error of fn ends the walk and is returned. The walk sees one snapshot.
	Rosters(domain string, fn func(owner jid.JID, r *Roster) error) error
	// RosterOwners returns up to n accounts of a domain that have a stored roster,
	// in order, those that come after one; the zero JID stands before all.
	RosterOwners(domain string, after jid.JID, n int) ([]jid.JID, error)
}

// Accounts is the part of Store about accounts.
type Accounts interface {
	CreateAccount(j jid.JID, password string, o AccountOptions) error // ErrExists
	SetPassword(j jid.JID, password string, o AccountOptions) error   // ErrNoAccount
	// DeleteAccount removes the account with its roster, offline messages and
	// blobs, and returns the roster so that the caller can tell the contacts.
	DeleteAccount(j jid.JID) (old *Roster, err error) // ErrNoAccount
	AccountExists(j jid.JID) (bool, error)
	Accounts(domain string, fn func(j jid.JID) error) error
	// ImportAccounts creates or replaces many accounts fast; n were stored when it ends.
	ImportAccounts(seq iter.Seq2[jid.JID, string], o AccountOptions) (n int, err error)
	// VerifyPassword is nil, ErrPassword or ErrNoAccount; the last two cost the same.
	VerifyPassword(j jid.JID, password string) error
	// ScramKeys returns the keys for "SHA-1", "SHA-256" or "SHA-512". ErrNoAccount.
	ScramKeys(j jid.JID, hash string) (ScramKeys, error)
	// DigestHA1 returns MD5(user:realm:password). ErrNoAccount, ErrNoDigest.
	DigestHA1(j jid.JID, realm string) ([16]byte, error)
}

// Offline is the part of Store about messages that wait for a login (XEP-0160).
type Offline interface {
	AddOffline(owner jid.JID, stanza []byte, l OfflineLimits) error // ErrOfflineFull
	// Offline calls fn for each message, oldest first. stanza is fn's to keep.
	Offline(owner jid.JID, fn func(seq uint64, stanza []byte) error) error
	// DropOffline removes the messages up to and including seq; n were removed.
	DropOffline(owner jid.JID, upTo uint64) (n int, err error)
	CountOffline(owner jid.JID) (int, error)
}

// Blobs is the part of Store about small documents, one per account and namespace.
type Blobs interface {
	// Blob returns nil when there is none.
	Blob(owner jid.JID, namespace string) ([]byte, error)
	// SetBlob stores a copy of value; an empty one deletes. ErrTooBig.
	SetBlob(owner jid.JID, namespace string, value []byte, maxSize int) error
}

// Limits bounds one roster. A zero field is the default.
type Limits struct {
	MaxItems   int // visible entries; default 2000
	MaxPending int // entries that exist only because a stranger asked; default 200
	MaxGroups  int // groups of an entry; default 64
	MaxName    int // bytes of a name or group; default 1023
	MaxRequest int // bytes of a subscribe stanza that is kept; default 4096
}

// OfflineLimits bounds the waiting messages of one account. A zero field is the default.
type OfflineLimits struct {
	MaxMessages int // default 100
	MaxBytes    int // sum of the stanzas; default 1 MiB
}

// AccountOptions says what is kept of a password beside the SCRAM keys.
type AccountOptions struct {
	// DigestRealms: for each realm MD5(user:realm:password) is kept, which
	// DIGEST-MD5 needs (RFC 2831). It is as good as the password for that realm.
	// A new password forgets the realms that are not named again.
	DigestRealms []string
}

// ScramKeys is what a SCRAM login needs (RFC 5802 §3).
type ScramKeys struct {
	Salt, StoredKey, ServerKey []byte
	Iterations                 int
}

// Exchange is one subscription stanza on its way. From and To are bare and not
// the same: presence to oneself needs no subscription, ErrBadItem.
type Exchange struct {
	From, To jid.JID
	Event    Event
	// FromLocal and ToLocal: this side has its roster here. ToLocal is false also
	// for an address of ours that is no account (RFC 6121 §8.5.1: ignored).
	FromLocal, ToLocal bool
	Stanza             []byte // complete, as To's clients are to see it; kept for a subscribe
	Limits             Limits
}

// Side is what an exchange did to one roster.
type Side struct {
	Before, After Item // zero Item: no entry
	Existed       bool // there was an entry, visible or not
	Changed       bool // the record was written
	// Push: the owner's interested resources get a push with After.
	Push bool
	Ver  uint64 // version of the roster after the change, for the push
	Full bool   // the change was refused by a limit, nothing was written
}

// Outcome is what a subscription stanza did. Without FromLocal the From side is
// zero and Route is true; without ToLocal the To side is zero and Deliver false.
type Outcome struct {
	From, To Side
	Route    bool // the stanza goes on from From's side: to To's side here, or to the remote domain
	Deliver  bool // the stanza is shown to To's resources
	// AutoReply is sent from To back to From (RFC 6121 §3.1.3, §3.4.2). When
	// FromLocal its effect is already in Outcome.From, and ReplyDeliver says
	// whether it is shown to From's resources; otherwise it is to be routed.
	AutoReply    Event
	ReplyDeliver bool
}

// Change is what a roster set did.
type Change struct {
	Before, After Item
	Existed       bool // a visible entry was there
	Changed       bool
	Ver           uint64
}

// RemoveOutcome is what a roster remove did.
type RemoveOutcome struct {
	Before Item   // the removed entry
	Ver    uint64 // version for the push with subscription='remove'
	// Unsubscribe and Unsubscribed: send these to the contact (RFC 6121 §2.5.2), in this order.
	Unsubscribe, Unsubscribed bool
	// With contactLocal: what both together did to the contact's record, and
	// which of them are to be shown to the contact's resources.
	Contact                                 Side
	DeliverUnsubscribe, DeliverUnsubscribed bool
}
