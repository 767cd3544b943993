package xmpplog

import (
	"bytes"
	"context"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"roost/cmd/roost/conf"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

var peer = netip.MustParseAddrPort("192.0.2.1:49152")

// messages collects what goes to the server's log.
type messages struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (m *messages) Write(p []byte) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.b.Write(p)
}

// take gives the lines since the last call.
func (m *messages) take() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	defer m.b.Reset()
	return m.b.String()
}

func (m *messages) logger() *slog.Logger { return slog.New(slog.NewTextHandler(m, nil)) }

// logger is a conf.Logger with the default formats, but for what is said.
func logger(t testing.TB, file string, formats ...string) conf.Logger {
	t.Helper()
	text := []string{"%t+R+%st+%at+%af+%ai+%ay+%H", "%t+D+%st+%at+%af+%ai+%ay+%H", "%t+M"}
	copy(text, formats)
	var pieces [3][]conf.Piece
	for i, s := range text {
		var err error
		if pieces[i], err = conf.ParseFormat(s); err != nil {
			t.Fatal(err)
		}
	}
	return conf.Logger{Name: "log", File: file, Mode: 0o640, Reception: pieces[0], Delivery: pieces[1], Beat: pieces[2]}
}

// open is the Log of a server that has just started.
func open(loggers []conf.Logger, o Options) (*Log, error) {
	l, _, err := (*Log)(nil).Next(loggers, o)
	return l, err
}

// start opens a log that the test closes.
func start(t testing.TB, o Options, loggers ...conf.Logger) *Log {
	t.Helper()
	l, err := open(loggers, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close(context.Background()) })
	return l
}

func closeLog(t testing.TB, l *Log) {
	t.Helper()
	if err := l.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func read(t testing.TB, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// parse cuts a stanza out of a client's stream, as a Stream does.
func parse(t testing.TB, text string) *stanza.Stanza {
	t.Helper()
	var tok xmlstream.Tokenizer
	buf := []byte(clientHeader + text)
	_, _, used, err := tok.Next(buf)
	if err != nil {
		t.Fatal(err)
	}
	_, el, _, err := tok.Next(buf[used:])
	if err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	st := stanza.Parse(el, stanza.NSClient)
	return st.Clone()
}

func TestMacros(t *testing.T) {
	const message = `<message to='b@x/r' from="a@x" id='1+2' type='chat'><subject>Hé</subject><body>a &amp; b</body><x xmlns='y'>z</x></message>`
	six := netip.MustParseAddrPort("[2001:db8::1]:5222")
	for _, c := range []struct {
		name, format, stanza string
		peer                 netip.AddrPort
		want                 string
	}{
		{"default", "R+%st+%at+%af+%ai+%ay+%H", message, peer, `R+message+b@x/r+a@x+1\x2b2+chat+192.0.2.1:49152`},
		{"nothing there", "%st+%at+%af+%ai+%ay+%H", `<presence/>`, netip.AddrPort{}, `presence+++++`},
		{"IPv6", "%H", `<presence/>`, six, `[2001:db8::1]:5222`},
		{"IPv6 zone", "%H", `<presence/>`, netip.MustParseAddrPort("[fe80::1%a+b]:1"), `[fe80::1%a\x2bb]:1`},
		{"unknown type as sent", "%ay", `<message type='nönsense'/>`, peer, `nönsense`},
		{"bad address as sent", "%at", `<message to='@@'/>`, peer, `@@`},
		{"references are decoded", "%ai", `<iq id='&lt;&#10;&apos;' type='get'><q/></iq>`, peer, `<\n'`},
		{"raw", "%sr", message, peer, strings.ReplaceAll(message, "+", `\x2b`)},
		{"raw with lines", "%sr", "<message\n id='\\'>\t\r\n</message>", peer, `<message\n id='\\'>\t\r\n</message>`},
		{"obscured", "%so", message, peer, `<message to='b@x/r' from="a@x" id='1\x2b2' type='chat'><subject>**</subject><body>*****</body><x xmlns='y'>z</x></message>`},
		{"literals as written", `a+b\ %st..%st`, `<iq type='get' id='1'><q/></iq>`, peer, `a+b\ iq..iq`},
		{"C1 and separators", "%ai", "<presence id='a\u0085b\u2028c\u00a0d\x7f'/>", peer, `a\xc2\x85b\xe2\x80\xa8c` + "\u00a0" + `d\x7f`},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "log")
			l := start(t, Options{}, logger(t, file, c.format, c.format))
			st := parse(t, c.stanza)
			l.Received(c.peer, st)
			l.Delivered(c.peer, st.El.Raw())
			closeLog(t, l)
			if got := read(t, file); got != c.want+"\n"+c.want+"\n" {
				t.Errorf("got  %swant %s", got, c.want)
			}
		})
	}
}

// TestSender: a client need not say who it is.
func TestSender(t *testing.T) {
	file := filepath.Join(t.TempDir(), "log")
	l := start(t, Options{}, logger(t, file, "%af"))
	st := parse(t, "<message from='a@x' to='b@x'/>")
	var err error
	if st.From, err = jid.Parse("a@x/plus+"); err != nil {
		t.Fatal(err)
	}
	l.Received(peer, st)
	st.From = jid.JID{}
	l.Received(peer, st)
	closeLog(t, l)
	if got := read(t, file); got != "a@x/plus\\x2b\na@x\n" {
		t.Errorf("%q", got)
	}
}

func TestTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "log")
		c := logger(t, file)
		c.Heartbeat = 60 * time.Second
		l := start(t, Options{}, c)
		at := time.Now().Unix() // the bubble's clock: it stands still until everybody waits
		time.Sleep(90 * time.Second)
		l.Received(peer, parse(t, "<presence/>"))
		time.Sleep(time.Minute)
		synctest.Wait()
		closeLog(t, l)
		f := func(d int64, rest string) string { return itoa(at+d) + rest }
		want := f(60, "+M\n") + f(90, "+R+presence+++++192.0.2.1:49152\n") + f(120, "+M\n")
		if got := read(t, file); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	})
}

func itoa(n int64) string {
	b := appendRecord(nil, []conf.Piece{{Macro: conf.MacroTime}}, &subject{now: n})
	return string(b[:len(b)-1])
}

func TestDeliveredKinds(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"<message id='1'/><iq id='2'/><presence id='3'/>", "message+1\niq+2\npresence+3\n"},
		{"<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>", "error+\n"},
		{"<stream:features/>", "stream+\n"},
		{"<iq xmlns='other' id='1'/>", "stream+1\n"},
		{"<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>", "stream+\n"},
		{"<stream:error/></stream:stream>", "error+\n"},
		{"<message id='1'/><mess", "message+1\nstream+\n"},
		{"no element", "stream+\n"},
		{"", ""},
	} {
		file := filepath.Join(t.TempDir(), "log")
		l := start(t, Options{}, logger(t, file, "R", "%st+%ai"))
		for range 2 { // the second time with what the first left in the pool
			l.Delivered(peer, []byte(c.in))
		}
		closeLog(t, l)
		if got := read(t, file); got != c.want+c.want {
			t.Errorf("%s\ngot\n%swant twice\n%s", c.in, got, c.want)
		}
	}
}

func TestSeveralLoggers(t *testing.T) {
	dir := t.TempDir()
	a, b := logger(t, filepath.Join(dir, "a"), "R%ai", "D%ai"), logger(t, filepath.Join(dir, "b"), "r%ai", "d%ai")
	a.Delivery, b.Reception = nil, nil
	l := start(t, Options{}, a, b)
	l.Received(peer, parse(t, "<presence id='1'/>"))
	l.Delivered(peer, []byte("<presence id='2'/>"))
	closeLog(t, l)
	if a, b := read(t, a.File), read(t, b.File); a != "R1\n" || b != "d2\n" {
		t.Errorf("%q %q", a, b)
	}
	if st := l.Stats(); len(st) != 2 || st[0].Written != 1 || st[1].Written != 1 || st[0].Name != `xmpp_logger "log"` {
		t.Errorf("%+v", st)
	}
}

// TestObscured: the walk over the bytes hides the text and nothing else.
func TestObscured(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"<m><body/></m>", "<m><body/></m>"},
		{"<m><body>é&#x1F600;x</body>t</m>", "<m><body>***</body>t</m>"},
		{"<m><body xml:lang='d>e'>a</body><a>b</a></m>", "<m><body xml:lang='d>e'>*</body><a>b</a></m>"},
		{`<m><body a="'>" b='">'>x</body></m>`, `<m><body a="'>" b='">'>*</body></m>`},
		{"<m><h:html xmlns:h='y'><h:body><p>one <b>two</b></p>three</h:body></h:html>four</m>",
			"<m><h:html xmlns:h='y'><h:body><p>****<b>***</b></p>*****</h:body></h:html>four</m>"},
		{"<m><body>a<body>b</body>c</body>d</m>", "<m><body>*<body>*</body>*</body>d</m>"},
		{"<m><body><![CDATA[<a>]]>b</body><a><![CDATA[</a>]]></a></m>", "<m><body>****</body><a><![CDATA[</a>]]></a></m>"},
		{"<m><subject >x\n y</subject ><bodyguard>z</bodyguard></m>", "<m><subject >****</subject ><bodyguard>z</bodyguard></m>"},
		{"<body>x</body>", "<body>*</body>"},
	} {
		if got := string(appendObscured(nil, []byte(c.in))); got != c.want {
			t.Errorf("%s\ngot  %s\nwant %s", c.in, got, c.want)
		}
	}
}

// FuzzObscured: what the tokenizer accepts keeps its shape, and no text is left in a body.
func FuzzObscured(f *testing.F) {
	f.Add("<m><body a='>'>é&amp;<![CDATA[]]]]>x<b/></body><subject\n/>t</m>")
	f.Fuzz(func(t *testing.T, s string) {
		el, err := xmlstream.ParseElement([]byte(s), nil)
		if err != nil {
			return
		}
		out, err := unescape(appendObscured(nil, el.Raw()))
		if err != nil {
			t.Fatal(err)
		}
		hidden, err := xmlstream.ParseElement(out, nil)
		if err != nil {
			t.Fatalf("%q became %q: %v", s, out, err)
		}
		same(t, el, hidden, false)
	})
}

func same(t *testing.T, a, b xmlstream.Element, hide bool) {
	if !bytes.Equal(a.Local(), b.Local()) || !bytes.Equal(a.Space(), b.Space()) {
		t.Fatalf("%s became %s", a.Raw(), b.Raw())
	}
	hide = hide || string(a.Local()) == "body" || string(a.Local()) == "subject"
	if hide && len(bytes.Trim(b.Text(), "*")) > 0 || !hide && !bytes.Equal(a.Text(), b.Text()) {
		t.Fatalf("text of %s became that of %s", a.Raw(), b.Raw())
	}
	var x, y []xmlstream.Element
	for c := range a.Children() {
		x = append(x, c)
	}
	for c := range b.Children() {
		y = append(y, c)
	}
	if len(x) != len(y) {
		t.Fatalf("%s became %s", a.Raw(), b.Raw())
	}
	for i := range x {
		same(t, x[i], y[i], hide)
	}
}

// FuzzEscape is the promise of the format: a value holds no separator, and comes back as it was.
func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "+", `\`, `\n`, "a\nb\r\tc\x00", "\u0085\u2028\u2029\u009f", "\xff\xc2", "é😀\x7f", "\uFFFD"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, v []byte) {
		e := appendValue(nil, v)
		for _, r := range string(e) {
			if r == '+' || r < ' ' || r >= 0x7F && r < 0xA0 || r == '\u2028' || r == '\u2029' {
				t.Fatalf("%q holds %q", e, r)
			}
		}
		back, err := unescape(e)
		if err != nil || !bytes.Equal(back, v) {
			t.Fatalf("%q became %q, then %q, %v", v, e, back, err)
		}
	})
}

// FuzzSplit: a line of the default format has its eight fields, whatever a client sends.
func FuzzSplit(f *testing.F) {
	f.Add("a+b@x", "c@x/r+1\n2", "id\\", "chat\u2028+")
	f.Fuzz(func(t *testing.T, to, from, id, typ string) {
		b := append([]byte(nil), "<message"...)
		values := []string{to, from, id, typ}
		for i, name := range []string{"to", "from", "id", "type"} {
			b = xmlstream.AppendAttr(b, name, values[i])
		}
		el, err := xmlstream.ParseElement(append(b, "/>"...), nil)
		if err != nil {
			return
		}
		line := appendRecord(nil, logger(t, "").Reception, &subject{now: 7, kind: "message", el: el, peer: peer})
		fields := strings.Split(strings.TrimSuffix(string(line), "\n"), "+")
		if len(fields) != 8 || fields[0] != "7" || fields[7] != peer.String() || strings.Count(string(line), "\n") != 1 {
			t.Fatalf("%q", line)
		}
		for i, name := range []string{"to", "from", "id", "type"} {
			want, _ := el.Attr(name)
			if got, err := unescape([]byte(fields[3+i])); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: %q, %v, want %q", name, got, err, want)
			}
		}
	})
}
