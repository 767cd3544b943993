package netio

import (
	"slices"

	"golang.org/x/sys/unix"

	"roost/netio/record"
)

// recordsPerWrite is how many records are sealed and written at once.
const recordsPerWrite = maxSeal / record.MaxPlaintext

// sealBuffer returns the loop's one buffer for records, empty.
func (l *loop) sealBuffer() []byte {
	if l.seal == nil {
		const most = record.HeaderLen + record.MaxPlaintext + record.TrailerLen
		l.seal = make([]byte, 0, recordsPerWrite*most+64) // and a KeyUpdate
	}
	return l.seal
}

// openOwn opens the records in b, in place, and offers what they hold. The error
// is record.State.Open's.
func (l *loop) openOwn(c *Conn, t *tlsConn, b []byte) error {
	l.warm(c, t)
	for t.part != nil && len(b) > 0 {
		part := t.part
		n := record.HeaderLen
		if len(part.B) >= n {
			n = recordLen(part.B)
		}
		m := min(n-len(part.B), len(b))
		part.B = append(part.B, b[:m]...)
		b = b[m:]
		size, err := record.Size(part.B)
		if err == nil && (size == 0 || len(part.B) < size) {
			continue
		}
		t.part = nil
		if err == nil {
			err = l.openRun(c, t, part.B)
		}
		l.putBuffer(part)
		if err != nil {
			return err
		}
	}
	return l.openRun(c, t, b)
}

// openRun opens the records that b begins with, offers what they hold, all at
// once, and keeps what is not whole. b is borrowed.
func (l *loop) openRun(c *Conn, t *tlsConn, b []byte) (err error) {
	if c.flags.Load()&fEnding != 0 {
		return nil
	}
	var plain []byte // a part of b, in front of what is not opened yet
	for {
		var n int
		if n, err = record.Size(b); err != nil || n == 0 || n > len(b) {
			break
		}
		var data []byte
		data, err = t.rec.Open(b[:n])
		if len(plain) == 0 {
			plain = data
		} else {
			plain = append(plain, data...) // moves it to the front
		}
		b = b[n:]
		if err != nil {
			break
		}
	}
	for len(plain) > 0 {
		n := min(len(plain), l.e.cfg.ReadBuffer)
		l.offer(c, plain[:n])
		scribble(plain[:n])
		plain = plain[n:]
	}
	if err == nil && len(b) > 0 && c.flags.Load()&fEnding == 0 {
		t.part = l.getBuffer()
		t.part.B = append(t.part.B, b...)
	}
	return err
}

// writeRecords seals the front of the queue and writes it: n of want bytes. What
// the socket does not take waits in t.out.
func (l *loop) writeRecords(c *Conn, t *tlsConn) (n, want int, err error) {
	b := l.sealQueue(c, t)
	if len(b) == 0 {
		return 0, 0, nil
	}
	n, err = unix.Write(int(c.fd), b)
	n = max(n, 0)
	if n < len(b) && (err == nil || again(err)) {
		t.queue(l, func(dst []byte) []byte { return append(dst, b[n:]...) })
	}
	scribble(b)
	return n, len(b), err
}

// sealQueue moves the front of the queue into records, in the loop's buffer.
// Frames are copied to where their records come to stand while the lock is held,
// and sealed there afterwards.
func (l *loop) sealQueue(c *Conn, t *tlsConn) []byte {
	if t.rec.Dead() {
		c.mu.Lock()
		if c.out != nil {
			l.advance(c, c.out.bytes)
		}
		c.mu.Unlock()
		l.releaseDone()
		return nil
	}
	l.warm(c, t)
	buf := t.rec.AppendUpdate(l.sealBuffer())
	start := len(buf)
	var lens [recordsPerWrite]int
	records := 0
	c.mu.Lock()
	for at := start; c.out != nil && records < len(lens); records++ {
		at += record.HeaderLen
		n := len(c.out.fill(buf[at : at : at+record.MaxPlaintext]))
		l.advance(c, n)
		if n == 0 {
			break // nothing but empty frames
		}
		lens[records] = n
		at += n + record.TrailerLen
	}
	c.mu.Unlock()
	l.releaseDone()
	for _, n := range lens[:records] {
		end := start + record.HeaderLen + n
		start += len(t.rec.Seal(buf[start : end : end+record.TrailerLen]))
	}
	return buf[:start]
}

// manyHot is how many connections of a loop keep their ciphers for all of Park.
// When there are more, each keeps them for a shorter time in proportion: a storm
// of logins must not cost a kilobyte and a half for each of them, and whoever is
// really busy comes back within a tick.
const manyHot = 256

// warm notes that t's ciphers are used: they stay for a while.
func (l *loop) warm(c *Conn, t *tlsConn) {
	if t.at == 0 {
		l.hot = append(l.hot, t)
		t.at = int32(len(l.hot))
	}
	t.cool = l.tick + parkTicks(c.ls.park.Load(), len(l.hot))
}

// parkTicks is how long one of so many keeps its ciphers, in ticks, one at least.
func parkTicks(park uint32, hot int) uint32 {
	if hot <= manyHot {
		return park
	}
	return max(uint32(uint64(park)*manyHot/uint64(hot)), 1)
}

// chill gives a connection's ciphers back.
func (l *loop) chill(t *tlsConn) {
	if t.at == 0 {
		return
	}
	last := l.hot[len(l.hot)-1]
	l.hot[t.at-1], last.at = last, t.at
	l.hot[len(l.hot)-1] = nil
	l.hot = l.hot[:len(l.hot)-1]
	t.at = 0
	t.rec.Cool()
}

// chillIdle gives the ciphers of connections back that were idle for long
// enough, once a tick.
func (l *loop) chillIdle() {
	for i := len(l.hot) - 1; i >= 0; i-- {
		if t := l.hot[i]; int32(l.tick-t.cool) >= 0 {
			l.chill(t)
		}
	}
	if cap(l.hot) > 1024 && len(l.hot) < cap(l.hot)/4 {
		l.hot = slices.Clone(l.hot) // a burst does not stay
	}
}

// dropPart gives the beginning of a record back.
func (l *loop) dropPart(t *tlsConn) {
	if t != nil && t.part != nil {
		l.putBuffer(t.part)
		t.part = nil
	}
}

// dropOwn is dropTLS's half for records of our own.
func (l *loop) dropOwn(t *tlsConn) {
	l.dropPart(t)
	l.chill(t)
	t.rec.Clear()
}
