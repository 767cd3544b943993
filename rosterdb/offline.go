package rosterdb

import (
	"encoding/binary"
	"fmt"

	"github.com/dgraph-io/badger/v4"

	"roost/xmlstream/jid"
)

// queue says what lies in the offline store of one account. Version 1:
//
//	byte    1
//	number  next           the next sequence number; never goes back
//	number  n              messages; each: number seq - the one before, number bytes
//
// The stanzas lie under keys of their own, each after a version byte 1.
type queue struct {
	next uint64
	msgs []queued
	size int // bytes of all stanzas
}

type queued struct {
	seq  uint64
	size int
}

const (
	queueV1   = 1
	offlineV1 = 1
)

func (q *queue) encode() []byte {
	b := binary.AppendUvarint([]byte{queueV1}, q.next)
	b = binary.AppendUvarint(b, uint64(len(q.msgs)))
	last := uint64(0)
	for _, m := range q.msgs {
		b = binary.AppendUvarint(b, m.seq-last)
		b = binary.AppendUvarint(b, uint64(m.size))
		last = m.seq
	}
	return b
}

func decodeQueue(b []byte) (queue, error) {
	if b == nil {
		return queue{next: 1}, nil
	}
	d := decoder{b: b}
	if v := d.byte(); v != queueV1 {
		return queue{}, fmt.Errorf("queue record version %d, this program knows 1", v)
	}
	q := queue{next: d.number()}
	last := uint64(0)
	for n := d.number(); n > 0 && d.err == nil; n-- {
		last += d.number()
		size := d.number()
		if last >= q.next || size > valueLimit {
			return queue{}, fmt.Errorf("message %d of %d bytes, next is %d", last, size, q.next)
		}
		q.msgs = append(q.msgs, queued{last, int(size)})
		q.size += int(size)
	}
	if d.err == nil && len(d.b) != 0 {
		return queue{}, fmt.Errorf("%d bytes too many in a queue record", len(d.b))
	}
	return q, d.err
}

func (t *tx) queue(owner jid.JID) (q queue, key []byte, err error) {
	key = userKey(kindQueue, owner)
	b, err := t.get(key)
	if err != nil {
		return queue{}, nil, err
	}
	if q, err = decodeQueue(b); err != nil {
		return queue{}, nil, badQueue(owner, err)
	}
	return q, key, nil
}

func badQueue(owner jid.JID, err error) error {
	return fmt.Errorf("offline messages of %s: %w: %w", owner.Bare(), ErrCorrupt, err)
}

// AddOffline implements Store.
func (db *DB) AddOffline(owner jid.JID, stanza []byte, l OfflineLimits) error {
	if l.MaxMessages == 0 {
		l.MaxMessages = 100
	}
	if l.MaxBytes == 0 {
		l.MaxBytes = 1 << 20
	}
	owner = owner.Bare()
	if len(stanza) > maxValue {
		return fmt.Errorf("offline message for %s: %w: %d bytes, the limit is %d", owner, ErrTooBig, len(stanza), maxValue)
	}
	value := append([]byte{offlineV1}, stanza...)
	return db.update(func(t *tx) error {
		q, key, err := t.queue(owner)
		if err != nil {
			return err
		}
		if len(q.msgs) >= l.MaxMessages || q.size+len(stanza) > l.MaxBytes {
			return fmt.Errorf("%w: %s has %d of %d messages, %d of %d bytes",
				ErrOfflineFull, owner, len(q.msgs), l.MaxMessages, q.size, l.MaxBytes)
		}
		t.set(offlineKey(owner, q.next), value)
		q.msgs = append(q.msgs, queued{q.next, len(stanza)})
		q.next++
		t.set(key, q.encode())
		return nil
	})
}

// Offline implements Store. All messages are of one snapshot.
func (db *DB) Offline(owner jid.JID, fn func(seq uint64, stanza []byte) error) error {
	prefix := partKey(kindOffline, owner, "")
	return db.walk(prefix, func(key, value []byte) error {
		seq, stanza, err := queuedStanza(owner, key[len(prefix):], value)
		if err != nil {
			return err
		}
		return fn(seq, stanza)
	})
}

// queuedStanza is what lies under the last part of a key.
func queuedStanza(owner jid.JID, part, value []byte) (seq uint64, stanza []byte, err error) {
	if len(part) != 8 || len(value) == 0 || value[0] != offlineV1 {
		return 0, nil, badQueue(owner, fmt.Errorf("key ...%q, value of %d bytes", part, len(value)))
	}
	return binary.BigEndian.Uint64(part), value[1:], nil
}

// DropOffline implements Store.
func (db *DB) DropOffline(owner jid.JID, upTo uint64) (n int, err error) {
	owner = owner.Bare()
	err = db.update(func(t *tx) error {
		n = 0
		q, key, err := t.queue(owner)
		if err != nil {
			return err
		}
		for n < len(q.msgs) && q.msgs[n].seq <= upTo {
			t.del(offlineKey(owner, q.msgs[n].seq))
			n++
		}
		if n > 0 {
			q.msgs = q.msgs[n:]
			t.set(key, q.encode())
		}
		return nil
	})
	if err != nil {
		return 0, err
	}
	return n, nil
}

// CountOffline implements Store.
func (db *DB) CountOffline(owner jid.JID) (n int, err error) {
	err = db.view(func(txn *badger.Txn) error {
		b, err := getFrom(txn, userKey(kindQueue, owner))
		if err != nil {
			return err
		}
		q, err := decodeQueue(b)
		if err != nil {
			return badQueue(owner, err)
		}
		n = len(q.msgs)
		return nil
	})
	return n, err
}
