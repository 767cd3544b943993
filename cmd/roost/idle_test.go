package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Sizes of BenchmarkIdleProcess; the environment variables ROOST_IDLE_SESSIONS and ROOST_IDLE_SERVERS
// change the first two.
const (
	idleSessions = 12000
	idleServers  = 1
	idleBase     = 2000 // the slope is measured from here
	quiet        = 15 * time.Second
)

// BenchmarkIdleProcess runs `roost serve` in a process of its own, or several of them, each with its
// crowd of clients in another, and reports what an idle session (logged in, bound, roster fetched,
// presence sent) costs the server: resident memory, by the slope between two numbers of sessions after
// a time of quiet, processor time of coming on line, and of being there. It takes a minute; run it with
// -benchtime 1x.
func BenchmarkIdleProcess(b *testing.B) {
	sessions, servers := fromEnv("ROOST_IDLE_SESSIONS", idleSessions), fromEnv("ROOST_IDLE_SERVERS", idleServers)
	for _, secure := range []bool{false, true} {
		b.Run(fmt.Sprintf("tls=%v", secure), func(b *testing.B) {
			for b.Loop() {
				idleProcess(b, sessions, servers, secure)
			}
		})
	}
}

func fromEnv(name string, or int) int {
	if n, err := strconv.Atoi(os.Getenv(name)); err == nil {
		return n
	}
	return or
}

// perch is a server and its crowd.
type perch struct {
	pid   int
	crowd *crowd
}

func newPerch(b *testing.B, sessions int, secure bool, rosters string) perch {
	b.Helper()
	p := newPlace(b, "", "")
	var users strings.Builder
	for i := range sessions {
		fmt.Fprintf(&users, "user%d:user%[1]d\n", i)
	}
	for i := range 20 {
		fmt.Fprintf(&users, "chat%d:chat%[1]d\n", i)
	}
	p.write("passwords", users.String())
	conf, scheme := "disable_nagle_algorithm = true\n"+p.read("roost.conf"), ""
	conf = strings.Replace(conf, "accounts://", "file://"+p.path("passwords"), 1)
	if secure {
		conf, scheme = strings.Replace(conf, `"127.0.0.1:0" {}`, `"127.0.0.1:0" { use_ssl = on }`, 1), "tls:"
	}
	p.write("roost.conf", conf)
	if rosters != "" {
		p.do(rosters, "roster", "import")
	}
	x := p.execute("serve")
	return perch{x.Process.Pid, newCrowd(b, scheme+p.listening(x).at)}
}

func idleProcess(b *testing.B, sessions, servers int, secure bool) {
	b.Helper()
	var all []perch
	for range servers {
		all = append(all, newPerch(b, sessions, secure, ""))
	}
	var before, after, login, idle float64
	for _, p := range all {
		p.crowd.ask("grow %d", idleBase)
	}
	time.Sleep(quiet)
	for _, p := range all {
		before += resident(b, p.pid)
		login -= processor(b, p.pid).Seconds()
	}
	for _, p := range all {
		p.crowd.ask("grow %d", sessions)
	}
	for _, p := range all {
		login += processor(b, p.pid).Seconds()
	}
	time.Sleep(quiet)
	for _, p := range all {
		after += resident(b, p.pid)
		idle -= processor(b, p.pid).Seconds()
	}
	time.Sleep(quiet)
	for _, p := range all {
		idle += processor(b, p.pid).Seconds()
	}
	n := float64(servers * (sessions - idleBase))
	b.ReportMetric((after-before)/n, "B/session")
	b.ReportMetric(after/float64(servers*sessions), "B-all/session")
	b.ReportMetric(login*1e6/n, "cpu-µs/login")
	b.ReportMetric(idle*1e6/quiet.Seconds()/float64(servers*sessions), "idle-µs/s")
	b.ReportMetric(float64(servers*sessions), "sessions")
}

// resident is the memory of a process, in bytes.
func resident(t testing.TB, pid int) float64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Fatal(err)
	}
	var kb float64
	_, rest, _ := strings.Cut(string(text), "\nRss:")
	if _, err := fmt.Sscan(rest, &kb); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return kb * 1024
}

// processor is the time that a process has computed, in steps of 10 ms.
func processor(t testing.TB, pid int) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	f := strings.Fields(string(text[strings.LastIndexByte(string(text), ')'):]))
	user, err1 := strconv.Atoi(f[12])
	system, err2 := strconv.Atoi(f[13])
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return time.Duration(user+system) * (time.Second / 100)
}

// BenchmarkIdleLatency is the way of a message from client to client through `roost serve`, beside no
// idle sessions and beside many: two servers in turns, so that whatever else the machine does slows both,
// and medians of the rounds. Run it with -benchtime 1x, and under nice -n -10 where others compute.
func BenchmarkIdleLatency(b *testing.B) {
	const rounds = 11
	sessions := fromEnv("ROOST_IDLE_SESSIONS", idleSessions)
	var sides [2]perch
	for k, n := range []int{0, sessions} {
		sides[k] = newPerch(b, sessions, false, "")
		sides[k].crowd.ask("grow %d", n)
		sides[k].crowd.ask("chat 1s") // warms up
	}
	for b.Loop() {
		var half, late [2][]float64
		for i := range 2 * rounds {
			k := (i + i/2) % 2 // who is first is last the next time
			var messages int
			var at50, at99 float64
			if _, err := fmt.Sscan(sides[k].crowd.ask("chat 2s"), &messages, &at50, &at99); err != nil {
				b.Fatal(err)
			}
			half[k], late[k] = append(half[k], at50), append(late[k], at99)
		}
		for k, beside := range []string{"none", "idle"} {
			b.ReportMetric(median(half[k]), beside+"-p50-µs")
			b.ReportMetric(median(late[k]), beside+"-p99-µs")
		}
		b.ReportMetric(median(late[1])/median(late[0]), "p99-ratio")
	}
}

// BenchmarkPresenceProcess has 1000 users with 20 contacts each, all on line in one place, change their
// presence, and reports the processor time of `roost serve` for each presence that is delivered.
func BenchmarkPresenceProcess(b *testing.B) {
	const users, contacts, rounds = 1000, 20, 20
	var rosters strings.Builder
	for i := range users {
		fmt.Fprintf(&rosters, `{"jid":"user%d@localhost","roster":{`, i)
		for k := range contacts { // the nearest in a ring
			d := k/2 + 1
			if k%2 == 1 {
				d = users - d
			}
			fmt.Fprintf(&rosters, `%s"user%d@localhost":{"subscription":"both"}`, [2]string{"", ","}[min(k, 1)], (i+d)%users)
		}
		rosters.WriteString("}}\n")
	}
	for b.Loop() {
		p := newPerch(b, users, false, rosters.String())
		p.crowd.ask("grow %d", users)
		time.Sleep(time.Second)
		p.crowd.ask("drain")
		start := processor(b, p.pid)
		for range rounds {
			p.crowd.ask("show %d", contacts+1)
		}
		b.ReportMetric(float64((processor(b, p.pid)-start).Microseconds())/(users*(contacts+1)*rounds), "cpu-µs/presence")
	}
}
