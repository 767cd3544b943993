package probe

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

// TestLook: our own process and a child of ours, whose memory is known within limits.
func TestLook(t *testing.T) {
	child := exec.Command("sleep", "60")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = child.Process.Kill(); _ = child.Wait() }()
	p, err := New(os.Getpid(), "")
	if err != nil {
		t.Fatal(err)
	}
	a, err := p.Look()
	if err != nil {
		t.Fatal(err)
	}
	// New pages, which those that an earlier test has left are not.
	block, err := syscall.Mmap(-1, 0, 64<<20, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Munmap(block) }()
	for i := 0; i < len(block); i += 512 {
		block[i] = byte(i)
	}
	for begun := time.Now(); time.Since(begun) < 20*time.Millisecond; {
		_ = math.Sqrt(float64(len(block)))
	}
	b, err := p.Look()
	if err != nil {
		t.Fatal(err)
	}
	if a.Pids < 2 || a.Threads < 2 || a.Files < 3 {
		t.Errorf("%+v of us and a child", a)
	}
	if d := b.RSS - a.RSS; d < 60<<20 || d > 200<<20 {
		t.Errorf("64 MiB more are %d bytes of resident memory", d)
	}
	if b.CPU <= a.CPU || b.CPU-a.CPU > time.Minute {
		t.Errorf("processor time went from %v to %v", a.CPU, b.CPU)
	}
	if _, err := New(1<<30, ""); err == nil {
		t.Error("a process that is not there is taken")
	}
}

func TestMetrics(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "# HELP x y\nprocess_cpu_seconds_total 1.5\nprocess_resident_memory_bytes 1.048576e+06 1700000000\n"+
			"go_goroutines 7\ngo_memstats_mallocs_total 100\ngo_gc_duration_seconds{quantile=\"0\"} 9\ngo_gc_duration_seconds_count 3\nbroken\n")
	}))
	defer srv.Close()
	p, _ := New(0, srv.URL)
	s, err := p.Look()
	if err != nil {
		t.Fatal(err)
	}
	if s.CPU != 1500*time.Millisecond || s.RSS != 1<<20 || s.Go == nil || s.Go.Goroutines != 7 || s.Go.GCs != 3 || s.Go.Allocs != 100 {
		t.Errorf("%+v %+v", s, s.Go)
	}
}

func TestLine(t *testing.T) {
	f := Line([]float64{1, 2, 3, 4}, []float64{12, 22, 32, 42})
	if math.Abs(f.Slope-10) > 1e-9 || f.Error > 1e-9 {
		t.Errorf("%+v of an exact line", f)
	}
	// y = 2x with residuals 1, -1, -1, 1: slope 2, error sqrt(4/2/5).
	f = Line([]float64{1, 2, 3, 4}, []float64{3, 3, 5, 9})
	if math.Abs(f.Slope-2) > 1e-9 || math.Abs(f.Error-math.Sqrt(4.0/2/5)) > 1e-9 {
		t.Errorf("%+v", f)
	}
	if f = Line([]float64{1, 2}, []float64{1, 3}); f.Slope != 2 || f.Error != -1 {
		t.Errorf("%+v of two points", f)
	}
}
