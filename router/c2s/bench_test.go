package c2s_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/xdg-go/scram"

	"roost/netio"
	"roost/router/c2s"
	"roost/router/routertest"
	"roost/router/sasl"
)

// benchHouse has n users, user0 and so on, in a password file.
func benchHouse(b testing.TB, n int, secure bool) *house {
	b.Helper()
	var file strings.Builder
	for i := range n {
		fmt.Fprintf(&file, "user%d:user%d\n", i, i)
	}
	path := filepath.Join(b.TempDir(), "passwords")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	store, err := sasl.OpenFile(path)
	if err != nil {
		b.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	h := newHouse(b, options{net: netio.Config{Log: log, Tick: time.Second}, tls: secure,
		srv: func(s *c2s.Server) { s.Log = log },
		cfg: func(c *c2s.Config) { c.Store, c.Direct = store, secure }})
	for i := range n {
		h.Accounts.Add(routertest.JID(b, fmt.Sprintf("user%d@x", i)))
	}
	return h
}

// cpu is the time that this process, clients and all, has computed.
func cpu(b testing.TB) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// report times what runs from now until the result is called, per piece of work.
func report(b *testing.B, unit string) func() {
	b.Helper()
	start, used := time.Now(), cpu(b)
	b.ResetTimer()
	return func() {
		b.StopTimer()
		b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), unit+"s/s")
		b.ReportMetric(float64((cpu(b)-used).Microseconds())/float64(b.N), "cpu-µs/"+unit)
	}
}

// thin is a client that costs little: it looks for what it waits for, and parses nothing.
type thin struct {
	conn io.ReadWriter
	buf  [4096]byte
}

// until reads up to and with mark, which ends what the server sends.
func (c *thin) until(mark string) ([]byte, error) {
	n := 0
	for {
		m, err := c.conn.Read(c.buf[n:])
		if n += m; bytes.HasSuffix(c.buf[:n], []byte(mark)) || bytes.HasSuffix(c.buf[:n], []byte("</failure>")) {
			return c.buf[:n], nil
		}
		if err != nil {
			return nil, fmt.Errorf("%w after %q", err, c.buf[:n])
		}
	}
}

func (c *thin) say(text, mark string) ([]byte, error) {
	if _, err := io.WriteString(c.conn, text); err != nil {
		return nil, err
	}
	return c.until(mark)
}

const features = "</stream:features>"

// login goes the whole way, by SCRAM-SHA-1 with conv, by PLAIN without.
func (c *thin) login(user string, conv *scram.ClientConversation) error {
	_, err := c.say(header, features)
	if err != nil {
		return err
	}
	if conv == nil {
		_, err = c.say(plain(user, user), ">")
	} else {
		err = c.scram(conv)
	}
	if err != nil {
		return err
	}
	if _, err = c.say(header, features); err != nil {
		return err
	}
	_, err = c.say(bind("r"), "</iq>")
	return err
}

func (c *thin) scram(conv *scram.ClientConversation) error {
	first, err := conv.Step("")
	if err != nil {
		return err
	}
	const ns = " xmlns='urn:ietf:params:xml:ns:xmpp-sasl'"
	got, err := c.say("<auth"+ns+" mechanism='SCRAM-SHA-1'>"+base64.StdEncoding.EncodeToString([]byte(first))+"</auth>", "</challenge>")
	if err != nil {
		return err
	}
	got = got[bytes.IndexByte(got, '>')+1:]
	challenge, err := base64.StdEncoding.DecodeString(string(got[:bytes.IndexByte(got, '<')]))
	if err != nil {
		return err
	}
	proof, err := conv.Step(string(challenge))
	if err != nil {
		return err
	}
	_, err = c.say("<response"+ns+">"+base64.StdEncoding.EncodeToString([]byte(proof))+"</response>", "</success>")
	return err
}

// BenchmarkLogin: a TCP connection over loopback, TLS from the first byte or none, SASL, a bound
// resource, and the connection cut. The clients run in the same process. SCRAM keys are derived at
// the first login of a user and kept by the store and by the client.
func BenchmarkLogin(b *testing.B) {
	const users = 32
	for _, secure := range []bool{false, true} {
		for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-1"} {
			b.Run(fmt.Sprintf("tls=%v/%s", secure, mechanism), func(b *testing.B) {
				h := benchHouse(b, users, secure)
				free := make(chan func() error, users)
				for i := range users {
					login := newLogin(b, h, fmt.Sprintf("user%d", i), secure, mechanism)
					if err := login(); err != nil { // derives the keys
						b.Fatal(err)
					}
					free <- login
				}
				b.SetParallelism(users / 2 / runtime.GOMAXPROCS(0))
				done := report(b, "login")
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						login := <-free
						if err := login(); err != nil {
							b.Error(err)
						}
						free <- login
					}
				})
				done()
				h.stop(b)
			})
		}
	}
}

func newLogin(b testing.TB, h *house, user string, secure bool, mechanism string) func() error {
	b.Helper()
	sc, err := scram.SHA1.NewClient(user, user, "")
	if err != nil {
		b.Fatal(err)
	}
	return func() error {
		tcp, err := net.Dial("tcp", h.addr.String())
		if err != nil {
			return err
		}
		defer tcp.Close()
		tcp.(*net.TCPConn).SetLinger(0) // no port stays behind in TIME_WAIT
		c := &thin{conn: tcp}
		if secure {
			c.conn = tls.Client(tcp, &tls.Config{InsecureSkipVerify: true})
		}
		var conv *scram.ClientConversation
		if mechanism != "PLAIN" {
			conv = sc.NewConversation()
		}
		return c.login(user, conv)
	}
}

// BenchmarkChat: 100 pairs, one sends messages with bodies of 100 bytes to the other, some at a time,
// and waits until they are there.
func BenchmarkChat(b *testing.B) {
	const pairs = 100
	for _, secure := range []bool{false, true} {
		for _, batch := range []int{1, 8} {
			b.Run(fmt.Sprintf("tls=%v/batch=%d", secure, batch), func(b *testing.B) {
				h := benchHouse(b, 2*pairs, secure)
				var chats []func(n int) error
				for i := range pairs {
					chats = append(chats, newChat(b, h, i, pairs+i, secure))
				}
				var all sync.WaitGroup
				left := make(chan int, b.N/batch+1)
				for n := b.N; n > 0; n -= batch {
					left <- min(n, batch)
				}
				close(left)
				done := report(b, "message")
				for _, chat := range chats {
					all.Go(func() {
						for n := range left {
							if err := chat(n); err != nil {
								b.Error(err)
								return
							}
						}
					})
				}
				all.Wait()
				done()
			})
		}
	}
}

// newChat brings two users on line; the result sends n messages from one to the other.
func newChat(b testing.TB, h *house, from, to int, secure bool) func(n int) error {
	b.Helper()
	var ends [2]*thin
	for i, user := range []int{from, to} {
		tcp, err := net.Dial("tcp", h.addr.String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { tcp.Close() })
		ends[i] = &thin{conn: tcp}
		if secure {
			ends[i].conn = tls.Client(tcp, &tls.Config{InsecureSkipVerify: true})
		}
		if err = ends[i].login(fmt.Sprintf("user%d", user), nil); err == nil {
			_, err = ends[i].say("<presence/>", "'/>")
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	message := fmt.Sprintf("<message to='user%d@x' type='chat' id='1'><body>%s</body></message>", to, strings.Repeat("x", 100))
	if _, err := io.WriteString(ends[0].conn, message); err != nil {
		b.Fatal(err)
	}
	one, err := ends[1].until("</message>")
	if err != nil {
		b.Fatal(err)
	}
	size, in := len(one), make([]byte, 64*len(one))
	return func(n int) error {
		if _, err := io.WriteString(ends[0].conn, strings.Repeat(message, n)); err != nil {
			return err
		}
		_, err := io.ReadFull(ends[1].conn, in[:n*size])
		return err
	}
}

// socket is a client's end that is nothing but a descriptor: it leaves no trace in the heap.
type socket int

func dialSocket(b testing.TB, to net.Addr) socket {
	b.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err == nil {
		err = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	}
	if err == nil {
		err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: to.(*net.TCPAddr).Port, Addr: [4]byte{127, 0, 0, 1}})
	}
	if err != nil {
		b.Fatal(err)
	}
	return socket(fd)
}

func (s socket) Read(p []byte) (int, error) {
	n, err := syscall.Read(int(s), p)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}

func (s socket) Write(p []byte) (int, error)      { return syscall.Write(int(s), p) }
func (s socket) Close() error                     { return syscall.Close(int(s)) }
func (s socket) LocalAddr() net.Addr              { return nil }
func (s socket) RemoteAddr() net.Addr             { return nil }
func (s socket) SetDeadline(time.Time) error      { return nil }
func (s socket) SetReadDeadline(time.Time) error  { return nil }
func (s socket) SetWriteDeadline(time.Time) error { return nil }

// BenchmarkIdleSession is the heap that a session holds while nothing happens: bound, and bound with
// presence. The kernel's sockets are not in it.
func BenchmarkIdleSession(b *testing.B) {
	const sessions = 1000
	for _, secure := range []bool{false, true} {
		for _, presence := range []bool{false, true} {
			b.Run(fmt.Sprintf("tls=%v/presence=%v", secure, presence), func(b *testing.B) {
				for range b.N {
					b.ReportMetric(idleHeap(b, sessions, secure, presence), "B/session")
				}
			})
		}
	}
}

// idleHeap is the heap that each of n idle sessions holds.
func idleHeap(b testing.TB, n int, secure, presence bool) float64 {
	b.Helper()
	const warm = 2000 // fill pools, tables and the shards of the session table
	h := benchHouse(b, n+warm, secure)
	sockets := make([]socket, 0, n+warm)
	defer func() {
		for _, s := range sockets {
			s.Close()
		}
	}()
	var before uint64
	for i := range n + warm {
		if i == warm {
			before = heap()
		}
		sockets = append(sockets, idle(b, h, i, secure, presence))
	}
	h.c2s.Work.Wait()
	return float64(int64(heap()-before)) / float64(n)
}

func heap() uint64 {
	for range 3 { // pools take two rounds to empty
		runtime.GC()
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func idle(b testing.TB, h *house, user int, secure, presence bool) socket {
	b.Helper()
	s := dialSocket(b, h.addr)
	c := &thin{conn: s}
	if secure {
		c.conn = tls.Client(s, &tls.Config{InsecureSkipVerify: true})
	}
	err := c.login(fmt.Sprintf("user%d", user), nil)
	if err == nil && presence {
		_, err = c.say("<presence><show>away</show><priority>5</priority></presence>", "</presence>")
	}
	if err != nil {
		b.Fatal(err)
	}
	return s
}
