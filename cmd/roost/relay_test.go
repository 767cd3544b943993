package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/bench/sock"
	"roost/netio"
	"roost/xmlstream/stanza"
)

// asRelay, when set, makes TestRelayProcess a relay.
const asRelay = "ROOST_TEST_RELAY"

// relay copies what one connection of a pair says to the other, on the loops of the server and with its
// frames, and knows nothing of XML: no server on these loops delivers a message for less.
type relay struct {
	ends sync.Map // by number: *netio.Conn
}

// relayEnd is one connection. The first line that it sends is its number; its pair's differs in the
// last bit.
type relayEnd struct {
	of     *relay
	number int // -1 before it is known
	other  *netio.Conn
}

func (e *relayEnd) OnData(c *netio.Conn, b []byte) int {
	used := 0
	if e.number < 0 {
		line, _, whole := bytes.Cut(b, []byte("\n"))
		if !whole {
			return 0
		}
		e.number, _ = strconv.Atoi(string(line))
		e.of.ends.Store(e.number, c)
		c.Send(stanza.FrameString("\n"))
		used = len(line) + 1
	}
	if used < len(b) {
		if e.other == nil {
			v, _ := e.of.ends.Load(e.number ^ 1)
			e.other = v.(*netio.Conn)
		}
		e.other.Send(stanza.FrameOf(b[used:]))
	}
	return len(b)
}

func (e *relayEnd) OnEOF(c *netio.Conn)                            { c.Close() }
func (e *relayEnd) OnTLS(*netio.Conn, *tls.ConnectionState, error) {}
func (e *relayEnd) OnTimer(*netio.Conn)                            {}
func (e *relayEnd) OnOverflow(*netio.Conn)                         {}
func (e *relayEnd) OnClose(*netio.Conn, error)                     {}
func (r *relay) accept(*netio.Conn) netio.Handler                  { return &relayEnd{of: r, number: -1} }

// TestRelayProcess is the relay's own process. It says where it listens, and ends with its input.
func TestRelayProcess(t *testing.T) {
	if os.Getenv(asRelay) == "" {
		return // nobody asked for a relay
	}
	e, err := netio.New(netio.Config{Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{}
	ls, err := e.Listen(netio.ListenOptions{Address: "127.0.0.1:0", Backlog: 4096, NoDelay: true}, r.accept)
	if err != nil {
		t.Fatal(err)
	}
	fmt.Println(ls.Addr())
	os.Stdin.Read(make([]byte, 1))
	e.Shutdown(context.Background())
	os.Exit(0)
}

// newRelay starts a relay and its crowd.
func newRelay(b *testing.B) perch {
	b.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestRelayProcess$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), asRelay+"=yes")
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		b.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	var addr string
	if _, err := fmt.Fscanln(out, &addr); err != nil {
		b.Fatal(err)
	}
	return perch{cmd.Process.Pid, newCrowd(b, "relay:"+addr)}
}

// talk has the first of each pair of sessions send 100 bytes to the second, with window messages under
// way, for the time d, and says how many arrived.
func (g *gathering) talk(window int, d time.Duration) (arrived int, err error) {
	poll, err := sock.NewPoller(128)
	if err != nil {
		return 0, err
	}
	defer poll.Close()
	texts := make([][]byte, len(g.all)) // what session i is sent
	sizes := make([]int, len(g.all))    // what comes of it
	got := make([]int, len(g.all))
	for i := 1; i < len(g.all); i += 2 {
		texts[i] = fmt.Appendf(nil, "<message to='user%d@localhost/phone' type='chat'><body>%s</body></message>", i, strings.Repeat("x", 100))
		if sizes[i], err = probe(g.all[i-1], g.all[i], texts[i]); err != nil {
			return 0, err
		}
		if err := poll.Add(int(g.all[i].(fdConn)), int32(i), false); err != nil {
			return 0, err
		}
	}
	say := func(i, n int) error {
		_, err := g.all[i-1].Write(bytes.Repeat(texts[i], n))
		return err
	}
	end := time.Now().Add(d)
	limit := end.Add(time.Minute)
	open := 0
	for i := 1; i < len(g.all); i += 2 {
		if err := say(i, window); err != nil {
			return 0, err
		}
		open += window
	}
	buf := make([]byte, 64<<10)
	var evs []sock.Event
	for open > 0 {
		if evs, err = poll.Wait(time.Second, evs[:0]); err != nil {
			return 0, err
		}
		now := time.Now()
		if now.After(limit) {
			return 0, fmt.Errorf("%d messages do not come", open)
		}
		more := now.Before(end)
		for _, ev := range evs {
			i := int(ev.Key)
			n, err := g.all[i].Read(buf)
			if err != nil {
				return 0, err
			}
			got[i] += n
			whole := got[i] / sizes[i]
			got[i] -= whole * sizes[i]
			arrived += whole
			if open -= whole; more && whole > 0 {
				if err := say(i, whole); err != nil {
					return 0, err
				}
				open += whole
			}
		}
	}
	return arrived, nil
}

// talkFor is talk in words.
func (g *gathering) talkFor(window, d string) (string, error) {
	n, err1 := strconv.Atoi(window)
	t, err2 := time.ParseDuration(d)
	if err := errors.Join(err1, err2); err != nil {
		return "", err
	}
	n, err := g.talk(n, t)
	return strconv.Itoa(n), err
}

// probe sends one message and tells how long it was when it came.
func probe(from io.Writer, to io.Reader, text []byte) (int, error) {
	if _, err := from.Write(text); err != nil {
		return 0, err
	}
	var buf [4096]byte
	n := 0
	for !bytes.HasSuffix(buf[:n], []byte("</message>")) {
		m, err := to.Read(buf[n:])
		if err != nil {
			return 0, err
		}
		n += m
	}
	return n, nil
}

// BenchmarkRelay drives `roost serve` and a bare relay with the same messages, in turns, and reports the
// processor time of both for each message: medians, and how much of the relay's efficiency is left
// (1: a message costs no more than its system calls). Run it with -benchtime 1x.
func BenchmarkRelay(b *testing.B) {
	const rounds, each = 5, time.Second
	for _, pairs := range []int{100, 2000} {
		for _, window := range []int{1, 16} {
			b.Run(fmt.Sprintf("pairs=%d/window=%d", pairs, window), func(b *testing.B) {
				sides := []perch{newPerch(b, 2*pairs, false, ""), newRelay(b)}
				for _, p := range sides {
					p.crowd.ask("grow %d", 2*pairs)
					p.crowd.ask("talk %d %v", window, each/2) // warms up
				}
				for b.Loop() {
					var cost [2][]float64
					for range rounds {
						for k, p := range sides {
							cost[k] = append(cost[k], perMessage(b, p, window, each))
						}
					}
					server, bare := median(cost[0]), median(cost[1])
					b.ReportMetric(server, "server-µs/message")
					b.ReportMetric(bare, "relay-µs/message")
					b.ReportMetric(bare/server, "of-relay")
				}
			})
		}
	}
}

// perMessage is the processor time of the server for each message, in microseconds.
func perMessage(b *testing.B, p perch, window int, d time.Duration) float64 {
	b.Helper()
	start := processor(b, p.pid)
	n, err := strconv.Atoi(p.crowd.ask("talk %d %v", window, d))
	if err != nil || n == 0 {
		b.Fatal(n, err)
	}
	return float64((processor(b, p.pid) - start).Microseconds()) / float64(n)
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}
