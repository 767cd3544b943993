package netio

import (
	"sync"
	"sync/atomic"
)

// A table finds a Conn by its descriptor. Descriptors are small and dense, so it
// is an array in chunks. An entry is written by the loop that owns the
// descriptor; it is atomic because the kernel may hand the same number to another
// loop right after.
type table struct {
	mu     sync.Mutex // held to grow
	chunks atomic.Pointer[[]*chunk]
}

type chunk [1024]atomic.Pointer[Conn]

func (t *table) get(fd int32) *Conn {
	chunks := t.chunks.Load()
	i := int(fd) / len(chunk{})
	if chunks == nil || fd < 0 || i >= len(*chunks) {
		return nil
	}
	return (*chunks)[i][int(fd)%len(chunk{})].Load()
}

func (t *table) set(fd int32, c *Conn) {
	i := int(fd) / len(chunk{})
	chunks := t.chunks.Load()
	if chunks == nil || i >= len(*chunks) {
		chunks = t.grow(i + 1)
	}
	(*chunks)[i][int(fd)%len(chunk{})].Store(c)
}

// grow returns a table of at least n chunks. Old chunks stay where they are.
func (t *table) grow(n int) *[]*chunk {
	t.mu.Lock()
	defer t.mu.Unlock()
	var have []*chunk
	if p := t.chunks.Load(); p != nil {
		have = *p
	}
	if len(have) >= n {
		return t.chunks.Load()
	}
	more := make([]*chunk, n)
	for i := copy(more, have); i < n; i++ {
		more[i] = new(chunk)
	}
	t.chunks.Store(&more)
	return &more
}

// each calls fn for every Conn of loop l.
func (t *table) each(l *loop, fn func(*Conn)) {
	chunks := t.chunks.Load()
	if chunks == nil {
		return
	}
	for _, ch := range *chunks {
		for i := range ch {
			if c := ch[i].Load(); c != nil && c.loop == l {
				fn(c)
			}
		}
	}
}
