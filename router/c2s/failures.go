package c2s

import (
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"roost/xmlstream/jid"
)

const (
	// accountGrace wrong passwords for one account from one address cost nothing: people mistype.
	accountGrace = 5
	// addressGrace wrong passwords from one address cost nothing, whatever the accounts: there may be
	// many people behind it.
	addressGrace = 50
	// forgiven is the time in which half of the wrong passwords are forgotten.
	forgiven = time.Minute

	failureRows = 1024
	failureWays = 8
)

// penalty is how long somebody waits after wrong passwords for one account: first for the first one beyond the
// grace, twice as long for each further one, most at most. When it would be more because others wait
// already, the attempt is refused. A first of 0 is no penalty.
type penalty struct{ first, most time.Duration }

// account is the wait for an answer about an account with so many wrong passwords.
func (p penalty) account(wrong uint32) time.Duration {
	return grow(p.first, p.most, wrong, accountGrace)
}

// address is the time between attempts of an address with so many wrong passwords. It does not grow beyond
// first: others may be behind that address.
func (p penalty) address(wrong uint32) time.Duration {
	return grow(p.first/8, min(p.first, p.most), wrong, addressGrace)
}

func grow(d, most time.Duration, wrong, grace uint32) time.Duration {
	if wrong <= grace {
		return 0
	}
	for n := wrong - grace - 1; n > 0 && d < most; n-- {
		d *= 2
	}
	return min(d, most)
}

// failures remembers wrong passwords by address (/64 of IPv6), and by address and account together, so that nobody
// can keep the owner of an account out from elsewhere. What is remembered of an account does not depend on
// whether it exists. It takes 256 KiB from the first wrong password on, and never more: who has fewest
// is forgotten first. The zero value is ready for use.
type failures struct {
	mu   sync.Mutex // guards the rest
	seed maphash.Seed
	rows [][failureWays]failure // nil until somebody fails
}

// failure is what is remembered under one key, in nanoseconds since 1970.
type failure struct {
	key   uint64
	wrong uint32
	at    int64 // of the last one
	next  int64 // when the next answer may be given
}

// before is asked when an attempt begins: how long it has to wait for wrong passwords of its address, and
// whether it may.
func (f *failures) before(p penalty, from netip.Addr) (time.Duration, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.first == 0 || f.rows == nil {
		return 0, true
	}
	now := time.Now().UnixNano()
	row := f.find(f.key(from, ""), now)
	if row == nil {
		return 0, true
	}
	return row.turn(p.address(row.wrong), p.most, now)
}

// after is asked when an attempt has ended: how long its answer has to wait, and whether it may be given at
// all.
func (f *failures) after(p penalty, from netip.Addr, user jid.JID, wrong bool) (time.Duration, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.first == 0 || f.rows == nil && !wrong {
		return 0, true
	}
	now := time.Now().UnixNano()
	account, address := f.key(from, "@"+user.String()), f.key(from, "")
	row := f.find(account, now)
	if !wrong {
		return f.right(p, row, address, now)
	}
	if row == nil {
		row = f.add(account, now)
	}
	d, ok := row.turn(p.account(row.wrong+1), p.most, now)
	if ok {
		row.wrong, row.at = row.wrong+1, now
		all := f.find(address, now)
		if all == nil {
			all = f.add(address, now)
		}
		all.wrong, all.at = all.wrong+1, now
	}
	return d, ok
}

// right forgives the account when its turn has come, and the address one wrong password.
func (f *failures) right(p penalty, row *failure, address uint64, now int64) (d time.Duration, ok bool) {
	if row != nil {
		if d, ok = row.turn(0, p.most, now); !ok {
			return 0, false
		}
		*row = failure{}
	}
	if all := f.find(address, now); all != nil && all.wrong > 0 {
		all.wrong--
	}
	return d, true
}

// turn is step behind the last turn that was given under this key, unless that is more than most from now.
func (r *failure) turn(step, most time.Duration, now int64) (time.Duration, bool) {
	at := max(r.next, now) + int64(step)
	if time.Duration(at-now) > most {
		return 0, false
	}
	if at > now {
		r.next = at
	}
	return time.Duration(at - now), true
}

// key hashes an address and an account with a seed that nobody knows.
func (f *failures) key(from netip.Addr, account string) uint64 {
	if f.seed == (maphash.Seed{}) {
		f.seed = maphash.MakeSeed()
	}
	var h maphash.Hash
	h.SetSeed(f.seed)
	from = from.Unmap().WithZone("")
	if from.Is6() { // whoever has one address of a /64 has them all
		net, _ := from.Prefix(64)
		from = net.Addr()
	}
	b := from.As16()
	h.Write(b[:])
	h.WriteString(account)
	return max(h.Sum64(), 1)
}

// find is what is remembered under key; nil: nothing any more.
func (f *failures) find(key uint64, now int64) *failure {
	if f.rows == nil {
		return nil
	}
	row := &f.rows[key%failureRows]
	for i := range row {
		if row[i].key == key {
			row[i].fade(now)
			if row[i].wrong == 0 && row[i].next <= now {
				row[i] = failure{}
				return nil
			}
			return &row[i]
		}
	}
	return nil
}

// add makes room for key where the least is remembered.
func (f *failures) add(key uint64, now int64) *failure {
	if f.rows == nil {
		f.rows = make([][failureWays]failure, failureRows)
	}
	row := &f.rows[key%failureRows]
	least := &row[0]
	for i := range row {
		row[i].fade(now)
		if row[i].wrong < least.wrong {
			least = &row[i]
		}
	}
	*least = failure{key: key, at: now}
	return least
}

// fade halves what is remembered for each time of forgiveness.
func (r *failure) fade(now int64) {
	if halves := (now - r.at) / int64(forgiven); halves > 0 {
		r.wrong >>= min(halves, 31)
		r.at += halves * int64(forgiven)
	}
}
