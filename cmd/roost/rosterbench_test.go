package main

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Sizes of BenchmarkStoreMemory; the environment variables ROOST_STORE_USERS and ROOST_STORE_READS
// change them. The store is under TMPDIR, 1.7 GB for a million users, and removed afterwards.
const (
	storeUsers    = 20000
	storeReads    = 100000
	storeContacts = 30
	giveBack      = 30 * time.Second // the store has given back what a load leaves
)

// BenchmarkStoreMemory is what is resident of a `roost serve`, in a process of its own, that has many
// rosters and nobody on line: while they are loaded over HTTP, afterwards, after a new start, while
// random ones are read, and after that. MiB-file are mapped files, MiB-anon all else; MiB-peak is the
// highest sum meanwhile. Run it with -benchtime 1x.
func BenchmarkStoreMemory(b *testing.B) {
	users, reads := fromEnv("ROOST_STORE_USERS", storeUsers), fromEnv("ROOST_STORE_READS", storeReads)
	p := newPlace(b, "", loopHTTP)
	x, url := p.serveHTTP()
	phase := func(name string, fn func(b *testing.B)) {
		b.Run(name, func(b *testing.B) {
			resetPeak(b, x.Process.Pid)
			for b.Loop() {
				fn(b)
			}
			for _, kind := range []struct{ unit, line string }{{"MiB-anon", "RssAnon"}, {"MiB-file", "RssFile"}, {"MiB-peak", "VmHWM"}} {
				b.ReportMetric(statusKB(b, x.Process.Pid, kind.line)/1024, kind.unit)
			}
		})
	}
	phase("load", func(b *testing.B) {
		loadRosters(b, url, users, storeContacts)
		b.ReportMetric(float64(users)/b.Elapsed().Seconds(), "rosters/s")
	})
	phase("loaded", func(*testing.B) { time.Sleep(giveBack) })
	phase("start", func(b *testing.B) {
		x.end(p)
		begun := time.Now()
		x, url = p.serveHTTP()
		b.ReportMetric(float64(time.Since(begun).Milliseconds()), "ms-to-listening")
	})
	phase("reads", func(b *testing.B) {
		readRosters(b, url, users, reads)
		b.ReportMetric(float64(reads)/b.Elapsed().Seconds(), "reads/s")
	})
	phase("quiet", func(*testing.B) { time.Sleep(2 * time.Second) })
}

// serveHTTP starts a server process and gives the address of its HTTP.
func (p *place) serveHTTP() (x *program, url string) {
	p.t.Helper()
	x = p.execute("serve")
	p.listening(x)
	before, _, _ := strings.Cut(x.out.String(), " (HTTP)")
	return x, "http://" + before[strings.LastIndexByte(before, ' ')+1:] + "/riak/xmpp"
}

// end stops the process in an orderly way.
func (x *program) end(p *place) {
	p.t.Helper()
	if err := x.Process.Signal(os.Interrupt); err != nil {
		p.t.Fatal(err)
	}
	if err := x.Wait(); err != nil {
		p.t.Fatalf("%v\n%s", err, &x.out)
	}
}

func resetPeak(b *testing.B, pid int) {
	b.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", pid), []byte("5"), 0); err != nil { // proc_pid_clear_refs(5)
		b.Fatal(err)
	}
}

// statusKB is a line of /proc/PID/status, in KiB.
func statusKB(b *testing.B, pid int, name string) (kb float64) {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "\n"+name+":")
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		b.Fatalf("%s: %v in %s", name, err, text)
	}
	return kb
}

// loadRosters stores the rosters of user0 and so on in one request; contacts are users, too.
func loadRosters(b *testing.B, url string, users, contacts int) {
	b.Helper()
	r, w := io.Pipe()
	go func() {
		var line []byte
		for i := range users {
			line = fmt.Appendf(line[:0], `{"jid":"user%d@localhost","roster":{`, i)
			for c := range contacts {
				line = fmt.Appendf(line, `"user%d@localhost":{"name":"Contact number %d","groups":["Friends"],"subscription":"both","pending_requests":{}},`, i+1+c, c)
			}
			line = append(bytes.TrimSuffix(line, []byte(",")), "}}\n"...)
			if _, err := w.Write(line); err != nil {
				return // the request has failed, and says so
			}
		}
		w.Close()
	}()
	resp, err := http.Post(url+"?every=100000", "application/x-ndjson", r)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	if want := fmt.Sprintf(`{"line":%d,"stored":%[1]d,"done":true}`, users); err != nil || !strings.Contains(string(said), want) {
		b.Fatalf("%v, %s, want %s", err, said, want)
	}
}

// readRosters reads random ones over 16 connections.
func readRosters(b *testing.B, url string, users, reads int) {
	b.Helper()
	const readers = 16
	tr := &http.Transport{MaxIdleConnsPerHost: readers}
	defer tr.CloseIdleConnections()
	client := &http.Client{Transport: tr}
	var left atomic.Int64
	left.Store(int64(reads))
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			for left.Add(-1) >= 0 {
				resp, err := client.Get(fmt.Sprintf("%s/user%d@localhost", url, rand.IntN(users)))
				if err != nil {
					b.Error(err)
					return
				}
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Errorf("%s, %v", resp.Status, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// BenchmarkRosterLogin is coming on line through `roost serve`, in a process of its own, over TCP
// without TLS: SASL PLAIN from a password file, bind, the roster, initial presence with its probes,
// and the connection cut. cpu-µs are the server's; that of the clients is not in it. contacts=0 is the
// login without a roster to speak of.
func BenchmarkRosterLogin(b *testing.B) {
	const users = 32
	for _, contacts := range []int{0, 30, 1000} {
		b.Run(fmt.Sprintf("contacts=%d", contacts), func(b *testing.B) {
			p := newPlace(b, "", loopHTTP)
			var passwords strings.Builder
			for i := range users {
				fmt.Fprintf(&passwords, "user%d:user%[1]d\n", i)
			}
			p.write("passwords", passwords.String())
			p.write("roost.conf", strings.Replace(p.read("roost.conf"), "accounts://", "file://"+p.path("passwords"), 1))
			x, url := p.serveHTTP()
			at := firstAddr(x.out.String()).at
			loadRosters(b, url, users, contacts)
			var next atomic.Int64
			b.SetParallelism(users / 2 / runtime.GOMAXPROCS(0))
			used := processor(b, x.Process.Pid)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				user := fmt.Sprintf("user%d", next.Add(1)-1)
				for pb.Next() {
					c, err := comer(at, user)
					if err != nil {
						b.Error(err)
						return
					}
					c.Close()
				}
			})
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "logins/s")
			b.ReportMetric(float64((processor(b, x.Process.Pid)-used).Microseconds())/float64(b.N), "cpu-µs/login")
			b.ReportMetric(resident(b, x.Process.Pid)/(1<<20), "MiB-rss")
		})
	}
}
