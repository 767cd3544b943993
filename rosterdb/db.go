package rosterdb

import (
	"errors"
	"iter"
	"log/slog"
	"time"

	"roost/xmlstream/jid"
)

// Options opens a store.
type Options struct {
	Dir      string // made with mode 0700 when missing
	InMemory bool   // nothing on disk; for tests
	ReadOnly bool
	Log      *slog.Logger // nil: slog.Default()
	// Derive makes SCRAM keys; hash is "SHA-1", "SHA-256" or "SHA-512". Needed
	// for accounts. It must be safe for concurrent use.
	Derive func(hash, password string, salt []byte, iterations int) (stored, server []byte, err error)
	// Iterations of PBKDF2 for new passwords; default 10000.
	Iterations int
	// NoSync acknowledges before the disk has it: for bulk loads and benchmarks.
	NoSync bool
	// MinFree: below this much free disk space changes are refused with
	// ErrNoSpace; default 64 MiB.
	MinFree int64
	Now     func() time.Time // nil: time.Now
	// BeforeCommit is called before every commit; its error is handled as if the
	// disk had reported it. For tests.
	BeforeCommit func() error
}

// DB is the Store on Badger.
type DB struct{}

var _ Store = (*DB)(nil)

var errTodo = errors.New("not there yet")

// Open opens or makes a store. Errors wrap ErrLocked, ErrCorrupt, ErrNoSpace,
// ErrReadOnly, fs.ErrPermission or fs.ErrNotExist and say what to do.
func Open(o Options) (*DB, error) { return nil, errTodo }

func (db *DB) Close() error                                            { return errTodo }
func (db *DB) Roster(owner jid.JID) (*Roster, error)                   { return nil, errTodo }
func (db *DB) Item(owner, contact jid.JID) (Item, bool, error)         { return Item{}, false, errTodo }
func (db *DB) Subscription(x Exchange) (Outcome, error)                { return Outcome{}, errTodo }
func (db *DB) PutRoster(owner jid.JID, r *Roster) (*Roster, error)     { return nil, errTodo }
func (db *DB) DeleteRoster(owner jid.JID) (*Roster, error)             { return nil, errTodo }
func (db *DB) Rosters(d string, fn func(jid.JID, *Roster) error) error { return errTodo }
func (db *DB) SetItem(owner, contact jid.JID, name string, groups []string, l Limits) (Change, error) {
	return Change{}, errTodo
}
func (db *DB) Remove(owner, contact jid.JID, contactLocal bool) (RemoveOutcome, error) {
	return RemoveOutcome{}, errTodo
}
func (db *DB) CreateAccount(j jid.JID, password string, o AccountOptions) error { return errTodo }
func (db *DB) SetPassword(j jid.JID, password string, o AccountOptions) error   { return errTodo }
func (db *DB) DeleteAccount(j jid.JID) (*Roster, error)                         { return nil, errTodo }
func (db *DB) AccountExists(j jid.JID) (bool, error)                            { return false, errTodo }
func (db *DB) Accounts(domain string, fn func(j jid.JID) error) error           { return errTodo }
func (db *DB) ImportAccounts(seq iter.Seq2[jid.JID, string], o AccountOptions) (int, error) {
	return 0, errTodo
}
func (db *DB) VerifyPassword(j jid.JID, password string) error                   { return errTodo }
func (db *DB) ScramKeys(j jid.JID, hash string) (ScramKeys, error)               { return ScramKeys{}, errTodo }
func (db *DB) DigestHA1(j jid.JID, realm string) ([16]byte, error)               { return [16]byte{}, errTodo }
func (db *DB) AddOffline(owner jid.JID, stanza []byte, l OfflineLimits) error    { return errTodo }
func (db *DB) Offline(owner jid.JID, fn func(uint64, []byte) error) error        { return errTodo }
func (db *DB) DropOffline(owner jid.JID, upTo uint64) (int, error)               { return 0, errTodo }
func (db *DB) CountOffline(owner jid.JID) (int, error)                           { return 0, errTodo }
func (db *DB) Blob(owner jid.JID, namespace string) ([]byte, error)              { return nil, errTodo }
func (db *DB) SetBlob(owner jid.JID, ns string, value []byte, maxSize int) error { return errTodo }
