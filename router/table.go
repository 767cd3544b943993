package router

import (
	"hash/maphash"
	"sync"

	cmap "github.com/orcaman/concurrent-map/v2"

	"roost/xmlstream/jid"
)

// table is the sharded map from bare JID to User. A User is in it while it has sessions.
type table struct {
	m cmap.ConcurrentMap[string, *User]
}

// shards of the table; DESIGN.md has the measurements.
const shards = 1024

// setShards tells the library, which has one number for all maps of the process and must not be told
// another while there is one. Here is its only use.
var setShards = sync.OnceFunc(func() { cmap.SHARD_COUNT = shards })

// newTable makes a table with a hash that strangers cannot foresee: names that they choose do not all
// meet in one shard.
func newTable(seed maphash.Seed) table {
	setShards()
	return table{m: cmap.NewWithCustomShardingFunction[string, *User](func(bare string) uint32 {
		return uint32(maphash.String(seed, bare))
	})}
}

// get finds a user who is connected; the key is not kept, so bare may be borrowed.
func (t *table) get(bare jid.JID) *User {
	u, _ := t.m.Get(bare.String())
	return u
}

// with runs fn, under its lock, on the User of bare, which is first when none is there. The table keeps
// the memory of bare.
func (t *table) with(bare jid.JID, first *User, fn func(*User)) *User {
	return t.m.Upsert(bare.String(), first, func(exists bool, u, _ *User) *User {
		if !exists {
			u = first
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		fn(u)
		return u
	})
}

// reap removes u, the User of bare, when nobody is left.
func (t *table) reap(bare jid.JID, u *User) {
	t.m.RemoveCb(bare.String(), func(_ string, v *User, exists bool) bool {
		if !exists || v != u {
			return false
		}
		v.mu.Lock()
		defer v.mu.Unlock()
		return v.best == nil
	})
}

// all calls fn for every User that is connected at about this moment, outside all locks.
func (t *table) all(fn func(*User)) {
	users := make([]*User, 0, t.m.Count())
	t.m.IterCb(func(_ string, u *User) { users = append(users, u) })
	for _, u := range users {
		fn(u)
	}
}
