package metrics

import (
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics is the registry of one server.
type Metrics struct {
	reg    *prometheus.Registry
	logins *prometheus.CounterVec
	took   prometheus.Histogram
	window window
}

// New makes Metrics. read is called for each request and puts a value for everything that it knows of the
// table; it must be safe for concurrent use.
func New(read func(*Sheet)) *Metrics {
	m := &Metrics{reg: prometheus.NewRegistry(),
		logins: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "roost_logins_total",
			Help: "Attempts to log in, by mechanism and by what came of them."}, []string{"mechanism", "result"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "roost_stanza_seconds", Buckets: buckets,
			Help: "Time through the server, from a stanza's being read to its being written to the last receiver; one message or request in 64."})}
	m.reg.MustRegister(m.logins, m.took, &sheets{read: read, descs: describe()},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// buckets of roost_stanza_seconds: 10 µs to 10 s.
var buckets = []float64{10e-6, 25e-6, 50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// Login counts an attempt to log in; condition is empty for success. Both come from short fixed lists.
func (m *Metrics) Login(mechanism, condition string) {
	if condition == "" {
		condition = "success"
	}
	if mechanism == "" {
		mechanism = "none"
	}
	m.logins.WithLabelValues(mechanism, condition).Inc()
}

// Took notes how long a stanza took through the server.
func (m *Metrics) Took(d time.Duration) { m.took.Observe(d.Seconds()) }

// Handler serves the metrics.
func (m *Metrics) Handler(log *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.reg, promhttp.HandlerOpts{ErrorLog: errorLog{log}, MaxRequestsInFlight: 4})
}

type errorLog struct{ log *slog.Logger }

func (l errorLog) Println(v ...any) { l.log.Error("metrics cannot be written", "err", v) }

// Sheet takes the values of one request.
type Sheet struct {
	descs map[string]described
	out   chan<- prometheus.Metric
}

type described struct {
	*prometheus.Desc
	kind prometheus.ValueType
}

// Put writes the value of a name of the table, with as many labels as it has there.
func (s *Sheet) Put(name string, v float64, labels ...string) {
	d, ok := s.descs[name]
	if !ok {
		panic("metrics: " + name + " is not in the table")
	}
	s.out <- prometheus.MustNewConstMetric(d.Desc, d.kind, v, labels...)
}

// sheets is the collector of everything that is read when somebody asks.
type sheets struct {
	read  func(*Sheet)
	descs map[string]described
}

func describe() map[string]described {
	out := map[string]described{}
	for _, f := range families {
		out[f.name] = described{prometheus.NewDesc(f.name, f.help, f.labels, nil), f.kind}
	}
	return out
}

// Describe implements prometheus.Collector.
func (c *sheets) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		out <- d.Desc
	}
}

// Collect implements prometheus.Collector.
func (c *sheets) Collect(out chan<- prometheus.Metric) { c.read(&Sheet{c.descs, out}) }

// LoginCount is one value of roost_logins_total.
type LoginCount struct {
	Mechanism, Result string
	Count             uint64
}

// Logins lists what has been counted.
func (m *Metrics) Logins() (out []LoginCount) {
	each(m.logins, func(v *value) {
		l := LoginCount{Count: uint64(v.GetCounter().GetValue())}
		for _, p := range v.GetLabel() {
			switch p.GetName() {
			case "mechanism":
				l.Mechanism = p.GetValue()
			case "result":
				l.Result = p.GetValue()
			}
		}
		out = append(out, l)
	})
	return out
}

// Latency tells the quantiles of the times of about the last minute; all 0 when there were none.
func (m *Metrics) Latency(now time.Time, quantiles ...float64) []time.Duration {
	counts := make([]uint64, len(buckets)+1)
	each(m.took, func(v *value) {
		h := v.GetHistogram()
		for i, b := range h.GetBucket() {
			counts[i] = b.GetCumulativeCount()
		}
		counts[len(buckets)] = h.GetSampleCount()
	})
	return estimate(m.window.since(now, counts), quantiles)
}

// estimate finds quantiles in cumulative counts, straight within a bucket.
func estimate(counts []uint64, quantiles []float64) []time.Duration {
	out := make([]time.Duration, len(quantiles))
	total := float64(counts[len(counts)-1])
	if total == 0 {
		return out
	}
	for n, q := range quantiles {
		rank := q * total
		i := slices.IndexFunc(counts, func(c uint64) bool { return float64(c) >= rank })
		if i == len(buckets) { // beyond the last bound, all that is known is the bound
			out[n] = seconds(buckets[i-1])
			continue
		}
		low, below := 0.0, 0.0
		if i > 0 {
			low, below = buckets[i-1], float64(counts[i-1])
		}
		out[n] = seconds(low + (buckets[i]-low)*(rank-below)/max(float64(counts[i])-below, 1))
	}
	return out
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
