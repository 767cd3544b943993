package measure

import "math/bits"

// A Tally says what became of the stanzas of one class. Once a run is over,
//
//	Sent = Delivered + Refused + Stored + Cut + Lost
//
// and Duplicated, Reordered, Corrupted and Foreign count arrivals beside that.
type Tally struct {
	Sent       int64 `json:"sent"`
	Delivered  int64 `json:"delivered"`  // arrived where it should; an iq: was answered with a result
	Refused    int64 `json:"refused"`    // came back as an error
	Stored     int64 `json:"stored"`     // went to somebody who was off line and did not come back
	Cut        int64 `json:"cut"`        // was under way when we ended the receiver's connection
	Lost       int64 `json:"lost"`       // none of these
	Duplicated int64 `json:"duplicated"` // arrived again
	Reordered  int64 `json:"reordered"`  // arrived after one that its sender sent later
	Corrupted  int64 `json:"corrupted"`  // arrived with other content; the original counts as lost
	Foreign    int64 `json:"foreign"`    // arrived, and nobody here has sent it
}

// Add adds o.
func (t *Tally) Add(o Tally) {
	t.Sent += o.Sent
	t.Delivered += o.Delivered
	t.Refused += o.Refused
	t.Stored += o.Stored
	t.Cut += o.Cut
	t.Lost += o.Lost
	t.Duplicated += o.Duplicated
	t.Reordered += o.Reordered
	t.Corrupted += o.Corrupted
	t.Foreign += o.Foreign
}

// Balanced reports whether every stanza that was sent is in one of the columns.
func (t *Tally) Balanced() bool { return t.Sent == t.Delivered+t.Refused+t.Stored+t.Cut+t.Lost }

// A Column is where a stanza stands that has neither arrived nor come back.
type Column uint8

// The columns.
const (
	Open Column = iota
	Stored
	Cut
	Lost
)

// Move takes n stanzas out of a column (Open is none).
func (t *Tally) Move(from Column, n int64) {
	switch from {
	case Stored:
		t.Stored -= n
	case Cut:
		t.Cut -= n
	case Lost:
		t.Lost -= n
	}
}

// An Arrival says what a stanza with a known number is to its Flow.
type Arrival uint8

// The arrivals.
const (
	InOrder Arrival = iota
	Swapped         // for the first time, but after one that was sent later
	Again           // it had arrived, or come back, before
	Never           // it was never sent
)

// A Flow is what one sender sends to one receiver, numbered from 0. It knows of each number whether it has
// been settled (has arrived, or come back, or been given up), so that a lost one is told from a late one and a second one
// from a first. The numbers behind the oldest that is open take a bit each, those given up 8 bytes.
type Flow struct {
	next uint32   // the next number to send
	low  uint32   // all below are settled
	high uint32   // one more than the greatest that has arrived
	open uint32   // how many are not settled
	base uint32   // a multiple of 64, at most low
	done []uint64 // bit i: base+i is settled
	gone []given  // given up; they may still come
}

type given struct {
	n  uint32
	as Column
}

// Send returns the next number.
func (f *Flow) Send() uint32 {
	f.next++
	f.open++
	return f.next - 1
}

// Open returns how many were sent and are not settled.
func (f *Flow) Open() int { return int(f.open) }

// Arrive settles n by its arrival; from is the column where it stood.
func (f *Flow) Arrive(n uint32) (a Arrival, from Column) {
	from, ok := f.take(n)
	switch {
	case n >= f.next:
		return Never, Open
	case !ok:
		return Again, Open
	}
	if n < f.high {
		a = Swapped
	}
	f.high = max(f.high, n+1)
	return a, from
}

// Refuse settles n, which came back; not ok when it was settled already or never sent.
func (f *Flow) Refuse(n uint32) (from Column, ok bool) { return f.take(n) }

// take settles n if it is open or was given up.
func (f *Flow) take(n uint32) (from Column, ok bool) {
	if n >= f.next {
		return Open, false
	}
	if !f.settled(n) {
		f.settle(n)
		return Open, true
	}
	for i, g := range f.gone {
		if g.n == n {
			f.gone = append(f.gone[:i], f.gone[i+1:]...)
			return g.as, true
		}
	}
	return Open, false
}

// GiveUp moves everything that is open into a column and returns how many those are.
func (f *Flow) GiveUp(as Column) int {
	n := int(f.open)
	for i := f.low; f.open > 0 && i < f.next; i++ {
		if !f.settled(i) {
			f.gone = append(f.gone, given{i, as})
			f.settle(i)
		}
	}
	return n
}

func (f *Flow) settled(n uint32) bool {
	if n < f.low {
		return true
	}
	i := n - f.base
	return int(i/64) < len(f.done) && f.done[i/64]&(1<<(i%64)) != 0
}

func (f *Flow) settle(n uint32) {
	f.open--
	i := n - f.base
	for int(i/64) >= len(f.done) {
		f.done = append(f.done, 0)
	}
	f.done[i/64] |= 1 << (i % 64)
	if n != f.low {
		return
	}
	// Whole words that are settled go.
	w := 0
	for w < len(f.done) && f.done[w] == ^uint64(0) {
		w++
	}
	if w > 0 {
		f.base += uint32(w) * 64
		f.done = f.done[:copy(f.done, f.done[w:])]
	}
	f.low = f.base
	if len(f.done) > 0 {
		f.low += uint32(bits.TrailingZeros64(^f.done[0]))
	}
}

// A Window is the little that is kept of a broadcast's numbers for each receiver: the greatest that has arrived, and which of
// the 64 up to it.
type Window struct {
	last uint32
	seen uint64 // bit i: last-i has arrived; 0 before the first
}

// Arrive takes n: InOrder, Swapped or Again. What is more than 63 behind counts as Again.
func (w *Window) Arrive(n uint32) Arrival {
	switch {
	case w.seen == 0:
		w.last, w.seen = n, 1
		return InOrder
	case n > w.last:
		w.seen <<= min(n-w.last, 64)
		w.seen |= 1
		w.last = n
		return InOrder
	}
	bit := uint64(1) << (w.last - n) // 0 beyond 63
	if bit == 0 || w.seen&bit != 0 {
		return Again
	}
	w.seen |= bit
	return Swapped
}
