package metrics

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// value is one value as the library hands it over.
type value = dto.Metric

// each calls fn for the values of a collector.
func each(c prometheus.Collector, fn func(*value)) {
	ch := make(chan prometheus.Metric)
	go func() {
		c.Collect(ch)
		close(ch)
	}()
	for m := range ch {
		var v value
		if m.Write(&v) == nil {
			fn(&v)
		}
	}
}

// window remembers what counts were up to a minute ago.
type window struct {
	mu   sync.Mutex
	past []mark // oldest first
}

type mark struct {
	at     time.Time
	counts []uint64
}

const (
	windowSpan = time.Minute
	windowStep = 5 * time.Second
)

// since gives how much counts have grown in about the last minute, or since the first call.
func (w *window) since(now time.Time, counts []uint64) []uint64 {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n := len(w.past); n == 0 || now.Sub(w.past[n-1].at) >= windowStep {
		w.past = append(w.past, mark{now, counts})
	}
	for len(w.past) > 1 && now.Sub(w.past[1].at) >= windowSpan {
		w.past = w.past[1:]
	}
	grown := make([]uint64, len(counts))
	for i := range counts {
		grown[i] = counts[i] - w.past[0].counts[i]
	}
	return grown
}
