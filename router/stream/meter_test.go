package stream

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"roost/xmlstream/stanza"
)

// TestMeter: nothing that is counted at the same time is lost, and one in so many is timed, until its last
// receiver has it.
func TestMeter(t *testing.T) {
	if size := unsafe.Sizeof(stripe{}); size%64 != 0 {
		t.Errorf("a stripe has %d bytes", size)
	}
	var timed atomic.Int64
	m := NewMeter(func(d time.Duration) {
		if d < 0 {
			t.Error(d)
		}
		timed.Add(1)
	})
	var wg sync.WaitGroup
	for by := range uint(20) {
		wg.Go(func() {
			for range 32 * timedOf {
				f := stanza.FrameString("<message/>")
				f.Timed(m.Received(by, stanza.Message))
				f.Retain()
				m.Delivered(by, KindOf(f.Bytes()))
				f.Release()
				f.Release()
			}
			m.Received(by, stanza.IQ)
			m.Delivered(by, KindOf([]byte("<presence/>")))
			m.Delivered(by, KindOf([]byte("</stream:stream>")))
			m.Delivered(by, KindOf([]byte(" ")))
		})
	}
	wg.Wait()
	in, out := m.Counts()
	if want := (Counts{stanza.Message: 20 * 32 * timedOf, stanza.IQ: 20}); in != want {
		t.Errorf("received %v, want %v", in, want)
	}
	if want := (Counts{stanza.Message: 20 * 32 * timedOf, stanza.Presence: 20}); out != want {
		t.Errorf("delivered %v, want %v", out, want)
	}
	if got := timed.Load(); got != 20*32 {
		t.Errorf("%d timed", got)
	}
	var none *Meter
	none.Delivered(0, stanza.IQ)
	if none.Received(0, stanza.IQ) != nil {
		t.Error("a Meter that is none measures")
	}
}
