package s2s

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"roost/netio/netiotest"
)

const (
	fuzzHeader = "<stream:stream xmlns='jabber:server' xmlns:stream='http://etherx.jabber.org/streams' xmlns:db='" + nsDialback +
		"' from='d1.test' to='d0.test' version='1.0'"
	footer = "</stream:stream>"
)

// notes is a log that can be looked through.
type notes struct {
	mu sync.Mutex
	b  strings.Builder
}

func (n *notes) Write(p []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.b.Write(p)
}

// panics takes the lines that tell of one.
func (n *notes) panics() (out []string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for line := range strings.SplitSeq(n.b.String(), "\n") {
		if strings.Contains(line, "panic") {
			out = append(out, line)
		}
	}
	n.b.Reset()
	return out
}

// pieces are what servers say to each other.
var pieces = []string{
	fuzzHeader + ">", fuzzHeader + "/>", footer, "<stream:error><reset xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
	"<stream:features/>", "<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><dialback xmlns='urn:xmpp:features:dialback'/></stream:features>",
	"<stream:features><bidi xmlns='urn:xmpp:features:bidi'/><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms></stream:features>",
	"<bidi xmlns='urn:xmpp:bidi'/>", "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>", "<success xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>",
	"<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>",
	"<db:result from='d1.test' to='d0.test'>key</db:result>", "<db:result from='d1.test' to='d0.test' type='valid'/>",
	"<db:verify from='d1.test' to='d0.test' id='i'>key</db:verify>", "<db:verify from='d1.test' to='d0.test' id='i' type='error'><error><x/></error></db:verify>",
	"<message from='u@d1.test/r' to='u@d0.test/r' id='1'><body>b</body></message>", "<iq from='d1.test' to='d0.test' type='get' id='1'><q xmlns='q'/></iq>",
	"<presence from='u@d1.test/r' to='u@d0.test' type='probe'/>", "<message from='u@d2.test' to='u@d0.test'/>", "<message/>", "<x xmlns='y'/>", " ", "<",
}

func seeds(f *testing.F, states int) {
	for i, a := range pieces {
		for k, b := range pieces { // each pair in one state, each piece in all
			f.Add(uint8((i+k)%states), []byte(a+b))
		}
	}
}

// FuzzIn sends anything, before the header, after it, and on a stream of a proven pair, and then the
// end of input. The answer ends with the end of the stream.
func FuzzIn(f *testing.F) {
	seeds(f, 3)
	log := &notes{}
	w := newWorld(f, 2, Remote{ConnectTimeout: 5 * time.Second}, log)
	f.Fuzz(func(t *testing.T, in uint8, data []byte) {
		c, err := net.Dial("tcp", w.domains[0].ln.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(netiotest.Patience))
		if in%3 > 0 {
			fmt.Fprint(c, fuzzHeader+">")
			got := readTo(t, c, "</stream:features>")
			if _, id, _ := strings.Cut(got, " id='"); in%3 == 2 {
				id, _, _ = strings.Cut(id, "'")
				own := NewSecret("d1.test")
				fmt.Fprintf(c, "<db:result from='d1.test' to='d0.test'>%s</db:result>", own.Key("d0.test", "d1.test", id))
				readTo(t, c, "type='valid'/>")
			}
		}
		c.Write(data) // the server may have ended it before all of it is written
		c.(*net.TCPConn).CloseWrite()
		rest, err := io.ReadAll(c)
		if err == nil && !bytes.HasSuffix(rest, []byte(footer)) {
			t.Errorf("%q ends with %q", data, rest)
		}
		for _, line := range log.panics() {
			t.Errorf("%q: %s", data, line)
		}
	})
}

// FuzzOut answers a stream of ours with anything, and closes it. Nothing is left of it.
func FuzzOut(f *testing.F) {
	seeds(f, 2)
	log := &notes{}
	w := newWorld(f, 1, Remote{ConnectTimeout: 5 * time.Second, Retry: time.Nanosecond}, log)
	d := w.domains[0]
	evil, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { evil.Close() })
	w.mu.Lock()
	w.at["d1.test"] = netip.MustParseAddrPort(evil.Addr().String())
	w.mu.Unlock()
	n := 0
	f.Fuzz(func(t *testing.T, in uint8, data []byte) {
		n++
		d.send("d1.test", fmt.Sprint(n))
		c, err := evil.Accept()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(netiotest.Patience))
		readTo(t, c, "version='1.0'")
		if in%2 == 1 {
			fmt.Fprint(c, fuzzHeader+" id='i'><stream:features/>")
		}
		c.Write(data)
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
		for _, line := range log.panics() {
			t.Errorf("%q: %s", data, line)
		}
		c.Close()
		for end := time.Now().Add(netiotest.Patience); d.srv.Stats().Out > 0; time.Sleep(50 * time.Microsecond) {
			// A stream that was open is looked after (doubt): let it fail.
			evil.(*net.TCPListener).SetDeadline(time.Now().Add(time.Millisecond))
			if again, err := evil.Accept(); err == nil {
				again.Close()
			}
			if time.Now().After(end) {
				t.Fatalf("%q: a stream is left", data)
			}
		}
		evil.(*net.TCPListener).SetDeadline(time.Time{})
	})
}

// readTo reads until what has come.
func readTo(t *testing.T, c net.Conn, what string) string {
	t.Helper()
	var got []byte
	b := make([]byte, 4096)
	for !bytes.Contains(got, []byte(what)) {
		n, err := c.Read(b)
		if got = append(got, b[:n]...); err != nil {
			t.Fatalf("%v; got %q", err, got)
		}
	}
	return string(got)
}
