package measure

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// What histograms tell apart: from 1 µs to 10 minutes. A longer time counts as 10 minutes.
const (
	lowest    = int64(time.Microsecond)
	highest   = int64(10 * time.Minute)
	digits    = 3 // of a run
	digitsSec = 2 // of one second
)

// A Hist is a histogram of times, in nanoseconds; the zero value is empty and takes no memory until a time comes. It
// travels in JSON as the base64 of HdrHistogram's own compressed form (V2).
type Hist struct {
	h      *hdrhistogram.Histogram
	coarse bool
}

// Coarse makes a Hist of two digits, for short spans.
func Coarse() *Hist { return &Hist{coarse: true} }

// Record takes one time.
func (h *Hist) Record(ns int64) {
	if h.h == nil {
		d := digits
		if h.coarse {
			d = digitsSec
		}
		h.h = hdrhistogram.New(lowest, highest, d)
	}
	_ = h.h.RecordValue(min(max(ns, 0), highest)) // cannot fail within the range
}

// Count returns how many times there are.
func (h *Hist) Count() int64 {
	if h == nil || h.h == nil {
		return 0
	}
	return h.h.TotalCount()
}

// At returns the time that a part q (0.99 is p99) of all do not exceed.
func (h *Hist) At(q float64) time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.h.ValueAtPercentile(q * 100))
}

// Max returns the longest time, Mean the mean.
func (h *Hist) Max() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.h.Max())
}

// Mean returns the mean.
func (h *Hist) Mean() time.Duration {
	if h.Count() == 0 {
		return 0
	}
	return time.Duration(h.h.Mean())
}

// Merge adds what from holds.
func (h *Hist) Merge(from *Hist) {
	switch {
	case from.Count() == 0:
	case h.h == nil:
		h.h = hdrhistogram.Import(from.h.Export())
	default:
		h.h.Merge(from.h)
	}
}

// Reset empties h and keeps its memory.
func (h *Hist) Reset() {
	if h.h != nil {
		h.h.Reset()
	}
}

// MarshalJSON writes the compressed form, "" for an empty one.
func (h *Hist) MarshalJSON() ([]byte, error) {
	if h.Count() == 0 {
		return []byte(`""`), nil
	}
	b, err := h.h.EncodeV2()
	if err != nil {
		return nil, err
	}
	return json.Marshal(string(b))
}

// UnmarshalJSON reads it.
func (h *Hist) UnmarshalJSON(b []byte) error {
	var s string
	if err := json.Unmarshal(b, &s); err != nil {
		return err
	}
	h.h = nil
	if s == "" {
		return nil
	}
	if _, err := base64.StdEncoding.DecodeString(s); err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	var err error
	if h.h, err = hdrhistogram.Decode([]byte(s)); err != nil {
		return fmt.Errorf("histogram: %w", err)
	}
	return nil
}
