package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// asCrowd, when set, makes TestCrowdProcess a crowd of clients of this address, with TLS from the first
// byte when it begins with "tls:".
const asCrowd = "ROOST_TEST_CROWD"

// crowd is a process full of clients, so that their descriptors and memory are nobody else's.
type crowd struct {
	t   testing.TB
	in  io.WriteCloser
	out *bufio.Scanner
}

// newCrowd starts a process of clients user0@localhost and so on, whose passwords are their names.
func newCrowd(t testing.TB, addr string) *crowd {
	t.Helper()
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrowdProcess$", "-test.timeout=0")
	cmd.Env = append(os.Environ(), asCrowd+"="+addr)
	cmd.Stderr = os.Stderr
	in, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close()
		cmd.Wait()
	})
	return &crowd{t: t, in: in, out: bufio.NewScanner(out)}
}

// ask sends a command and gives the answer.
func (c *crowd) ask(format string, args ...any) string {
	c.t.Helper()
	fmt.Fprintf(c.in, format+"\n", args...)
	if !c.out.Scan() || strings.HasPrefix(c.out.Text(), "error") {
		c.t.Fatalf("the crowd was asked to "+format+": %s", append(args, c.out.Text())...)
	}
	return c.out.Text()
}

// TestCrowdProcess is the crowd's own process. Commands: "grow N" makes it N sessions, idle from then
// on; "show N" has each change its presence and reads the N that come of it; "talk W D" has pairs of them
// send messages, W under way, for the time D and answers with their number; "chat D" sends messages
// between pairs of further sessions for the time D and answers with the latencies.
func TestCrowdProcess(t *testing.T) {
	addr := os.Getenv(asCrowd)
	if addr == "" {
		return // nobody asked for a crowd
	}
	g := &gathering{addr: addr}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		var n int
		var d time.Duration
		var err error
		answer := "ok"
		if _, e := fmt.Sscanf(in.Text(), "grow %d", &n); e == nil {
			err = g.grow(n)
		} else if _, e := fmt.Sscanf(in.Text(), "show %d", &n); e == nil {
			err = g.show(n)
		} else if words := strings.Fields(in.Text()); len(words) == 3 && words[0] == "talk" {
			answer, err = g.talkFor(words[1], words[2])
		} else if in.Text() == "drain" {
			g.drain()
		} else if word, arg, _ := strings.Cut(in.Text(), " "); word == "chat" {
			if d, err = time.ParseDuration(arg); err == nil {
				answer, err = g.chat(d)
			}
		}
		if err != nil {
			answer = "error: " + err.Error()
		}
		fmt.Println(answer)
	}
	os.Exit(0) // without the test's own last words
}

// gathering is the crowd inside its process.
type gathering struct {
	addr string
	all  []io.ReadWriteCloser
	away bool
}

// grow logs in until there are n sessions, 16 at a time.
func (g *gathering) grow(n int) error {
	first := len(g.all)
	g.all = append(g.all, make([]io.ReadWriteCloser, n-first)...)
	errs := make(chan error, n)
	next := make(chan int)
	var workers sync.WaitGroup
	for range 16 {
		workers.Go(func() {
			for i := range next {
				var err error
				if g.all[i], err = comer(g.addr, fmt.Sprintf("user%d", i)); err != nil {
					errs <- err
				}
			}
		})
	}
	for i := first; i < n; i++ {
		next <- i
	}
	close(next)
	workers.Wait()
	close(errs)
	return <-errs
}

// drain throws away what has come.
func (g *gathering) drain() {
	buf := make([]byte, 64<<10)
	for _, c := range g.all {
		for n := 1; n > 0; {
			n, _, _ = syscall.Recvfrom(int(c.(fdConn)), buf, syscall.MSG_DONTWAIT)
		}
	}
}

// show has every session say that it is away, or no longer, and reads n presences in each.
func (g *gathering) show(n int) error {
	g.away = !g.away
	text := "<presence/>"
	if g.away {
		text = "<presence><show>away</show></presence>"
	}
	for _, c := range g.all {
		if _, err := io.WriteString(c, text); err != nil {
			return err
		}
	}
	buf := make([]byte, 64<<10)
	for _, c := range g.all {
		for got := 0; got < n; {
			m, err := c.Read(buf)
			if err != nil {
				return err
			}
			got += bytes.Count(buf[:m], []byte("from=")) // no read ends inside: the frames are short
		}
	}
	return nil
}

// comer logs in, binds, fetches the roster and sends presence, as a client does.
func comer(addr, user string) (io.ReadWriteCloser, error) {
	addr, secure := strings.CutPrefix(addr, "tls:")
	addr, bare := strings.CutPrefix(addr, "relay:")
	at, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		return nil, err
	}
	conn, err := dialFD(at)
	if err != nil {
		return nil, err
	}
	var c io.ReadWriteCloser = conn
	if bare {
		return c, exchange(c, strings.TrimPrefix(user, "user")+"\n", "\n")
	}
	if secure {
		c = tls.Client(conn, &tls.Config{InsecureSkipVerify: true, NextProtos: []string{"xmpp-client"}})
	}
	const header = "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='localhost' version='1.0'>"
	for _, step := range [][2]string{
		{header, "</stream:features>"},
		{"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>" +
			base64.StdEncoding.EncodeToString([]byte("\x00"+user+"\x00"+user)) + "</auth>", ">"},
		{header, "</stream:features>"},
		{"<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>phone</resource></bind></iq>", "</iq>"},
		{"<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>", "</iq>"},
		{"<presence/>", "/>"},
	} {
		if err := exchange(c, step[0], step[1]); err != nil {
			return nil, fmt.Errorf("%s: %w", user, err)
		}
	}
	return c, nil
}

// exchange says something and reads up to and with end, which nothing follows.
func exchange(c io.ReadWriter, say, end string) error {
	if _, err := io.WriteString(c, say); err != nil {
		return err
	}
	var buf [4096]byte
	for n := 0; ; {
		m, err := c.Read(buf[n:])
		if n += m; bytes.HasSuffix(buf[:n], []byte(end)) {
			if bytes.HasPrefix(buf[:n], []byte("<failure")) {
				return fmt.Errorf("got %s", buf[:n])
			}
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w after %q", err, buf[:n])
		}
		if n == len(buf) { // a long answer: its end is looked for
			n = copy(buf[:], buf[n-len(end):])
		}
	}
}

// fdConn is a connection that is nothing but a blocking descriptor.
type fdConn int

func dialFD(to *net.TCPAddr) (fdConn, error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, err
	}
	err = syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
	if err == nil {
		err = syscall.SetsockoptLinger(fd, syscall.SOL_SOCKET, syscall.SO_LINGER, &syscall.Linger{Onoff: 1}) // no TIME_WAIT
	}
	if err == nil {
		err = syscall.Connect(fd, &syscall.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())})
	}
	return fdConn(fd), err
}

func (c fdConn) Read(p []byte) (int, error) {
	n, err := syscall.Read(int(c), p)
	if n == 0 && err == nil {
		err = io.EOF
	}
	return max(n, 0), err
}

func (c fdConn) Write(p []byte) (int, error)      { return syscall.Write(int(c), p) }
func (c fdConn) Close() error                     { return syscall.Close(int(c)) }
func (c fdConn) LocalAddr() net.Addr              { return nil }
func (c fdConn) RemoteAddr() net.Addr             { return nil }
func (c fdConn) SetDeadline(time.Time) error      { return nil }
func (c fdConn) SetReadDeadline(time.Time) error  { return nil }
func (c fdConn) SetWriteDeadline(time.Time) error { return nil }

// chat has 10 pairs send 100 bytes there and back, one message every 5 ms each, for the time d.
func (g *gathering) chat(d time.Duration) (string, error) {
	const pairs = 10
	took := make([][]time.Duration, pairs)
	errs := make(chan error, pairs)
	var all sync.WaitGroup
	for i := range pairs {
		a, b := fmt.Sprintf("chat%d", 2*i), fmt.Sprintf("chat%d", 2*i+1)
		all.Go(func() {
			var err error
			if took[i], err = pair(g.addr, a, b, d); err != nil {
				errs <- err
			}
		})
	}
	all.Wait()
	close(errs)
	lat := slices.Sorted(slices.Values(slices.Concat(took...)))
	if err := <-errs; err != nil || len(lat) == 0 {
		return "", err
	}
	at := func(p float64) float64 { return float64(lat[int(p*float64(len(lat)-1))].Nanoseconds()) / 1e3 }
	return fmt.Sprintf("%d %.0f %.0f %.0f %.0f", len(lat), at(0.5), at(0.99), at(0.999), at(1)), nil
}

// pair measures the way of each message from a to b.
func pair(addr, a, b string, d time.Duration) (took []time.Duration, err error) {
	from, err := comer(addr, a)
	if err != nil {
		return nil, err
	}
	defer from.Close()
	to, err := comer(addr, b)
	if err != nil {
		return nil, err
	}
	defer to.Close()
	text := "<message to='" + b + "@localhost/phone' type='chat'><body>" + strings.Repeat("x", 100) + "</body></message>"
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(d); time.Now().Before(end); <-tick.C {
		start := time.Now()
		if _, err := io.WriteString(from, text); err != nil {
			return nil, err
		}
		if err := exchange(to, "", "</message>"); err != nil {
			return nil, err
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}
