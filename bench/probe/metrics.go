package probe

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// maxPage is how much of a metrics page is read, in bytes.
const maxPage = 16 << 20

// scrape reads a page in Prometheus' text format. What /proc has said already stays.
func (s *Sample) scrape(url string) error {
	client := http.Client{Timeout: 5 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("metrics: %s answers %s", url, resp.Status)
	}
	return s.readMetrics(io.LimitReader(resp.Body, maxPage))
}

func (s *Sample) readMetrics(r io.Reader) error {
	vals := map[string]float64{}
	sc := bufio.NewScanner(r)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		name, rest, ok := strings.Cut(sc.Text(), " ")
		if !ok || strings.HasPrefix(name, "#") || strings.Contains(name, "{") {
			continue
		}
		value, _, _ := strings.Cut(strings.TrimSpace(rest), " ") // a time may follow
		if v, err := strconv.ParseFloat(value, 64); err == nil {
			vals[name] = v
		}
	}
	if err := sc.Err(); err != nil {
		return fmt.Errorf("metrics: %w", err)
	}
	if s.CPU == 0 {
		s.CPU = time.Duration(vals["process_cpu_seconds_total"] * float64(time.Second))
	}
	if s.RSS == 0 {
		s.RSS = int64(vals["process_resident_memory_bytes"])
	}
	if s.Files == 0 {
		s.Files = int(vals["process_open_fds"])
	}
	if _, ok := vals["go_goroutines"]; ok {
		s.Go = &GoStats{
			HeapAlloc:  int64(vals["go_memstats_heap_alloc_bytes"]),
			AllocBytes: int64(vals["go_memstats_alloc_bytes_total"]),
			Allocs:     int64(vals["go_memstats_mallocs_total"]),
			GCs:        int64(vals["go_gc_duration_seconds_count"]),
			GCPause:    vals["go_gc_duration_seconds_sum"],
			Goroutines: int64(vals["go_goroutines"]),
		}
	}
	return nil
}
