package stanza

import (
	"sync"
	"testing"
)

func TestFrame(t *testing.T) {
	for name, f := range map[string]*Frame{"of": FrameOf([]byte("abc")), "string": FrameString("abc"), "new": NewFrame()} {
		if name == "new" {
			f.Set(append(f.Buf(), "abc"...))
		}
		if string(f.Bytes()) != "abc" {
			t.Errorf("%s: %q", name, f.Bytes())
		}
		f.Release()
	}
	if f := NewFrame(); len(f.Buf()) != 0 {
		t.Errorf("a new frame holds %q", f.Buf())
	}
}

// TestFrameCopies: a Frame does not hold on to what it was made of.
func TestFrameCopies(t *testing.T) {
	b := []byte("abc")
	f := FrameOf(b)
	defer f.Release()
	b[0] = '#'
	if string(f.Bytes()) != "abc" {
		t.Errorf("%q", f.Bytes())
	}
}

// TestFrameShared: the bytes stand until the last of many owners has let go.
func TestFrameShared(t *testing.T) {
	const owners = 16
	for range 200 {
		f := FrameString("shared")
		var wg sync.WaitGroup
		for range owners {
			own := f.Retain()
			wg.Go(func() {
				if string(own.Bytes()) != "shared" {
					t.Errorf("%q", own.Bytes())
				}
				own.Release()
			})
		}
		f.Release()
		wg.Wait()
	}
}

// TestFrameReleasedTwice: giving up what one does not own is a fault of ours that must not pass.
func TestFrameReleasedTwice(t *testing.T) {
	f := &Frame{}
	f.refs.Store(0) // as after the last Release, but out of everybody else's reach
	defer func() {
		if recover() == nil {
			t.Error("no panic")
		}
	}()
	f.Release()
}
