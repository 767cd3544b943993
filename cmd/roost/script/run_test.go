package script

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"strings"
	"testing"
)

// fake is a server that knows just enough for the harness to be tried on: it lets everybody in,
// answers pings, gives messages back to their sender, and ends the stream at <die/>.
type fake struct {
	l net.Listener
}

func startFake(Options) (Server, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	f := &fake{l}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serveFake(c)
		}
	}()
	return f, nil
}

func (f *fake) Addr(listen string) string {
	if listen == clearListen {
		return f.l.Addr().String()
	}
	return ""
}

func (f *fake) Stop() error { return f.l.Close() }
func (f *fake) Kill() error { return f.l.Close() }

const fakeHeader = "<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='" + nsStream +
	"' from='localhost' id='1' version='1.0'>"

func serveFake(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	r := newReader(in)
	user := "nobody"
	for {
		it, err := r.next()
		if err != nil {
			return
		}
		switch {
		case it.kind == opened:
			fmt.Fprint(c, fakeHeader+"<stream:features/>")
		case it.kind == closed:
			fmt.Fprint(c, "</stream:stream>")
			return
		case it.local == "auth":
			b, _ := base64.StdEncoding.DecodeString(it.text)
			part := strings.Split(string(b), "\x00")
			if part[2] != password {
				fmt.Fprint(c, "<failure xmlns='"+nsSASL+"'><text>no</text><not-authorized/></failure>")
				continue
			}
			user = part[1]
			fmt.Fprint(c, "<success xmlns='"+nsSASL+"'/>")
			r = newReader(in)
		case it.child(nsBind, "bind") != nil:
			fmt.Fprintf(c, "<iq type='result' id='%s'><bind xmlns='%s'><jid>%s@localhost/r</jid></bind></iq>", it.attr("id"), nsBind, user)
		case it.local == "iq":
			fmt.Fprintf(c, "<iq type='result' id='%s'/>", it.attr("id"))
		case it.local == "message":
			fmt.Fprintf(c, "<message id='%s'><body>%s</body></message>", it.attr("id"), escape(it.child(nsClient, "body").text))
		case it.local == "die":
			fmt.Fprint(c, "<stream:error><gone xmlns='"+nsStrErr+"'/><text xmlns='"+nsStrErr+"'>t</text></stream:error></stream:stream>")
			return
		case it.local == "drop":
			return
		}
	}
}

// TestRun plays scripts that pass, and ones that fail in each way.
func TestRun(t *testing.T) {
	for _, c := range []struct{ name, script, err string }{
		{"login", "login alice@localhost/r\nalice<nothing", ""},
		{"two", "login alice@localhost as a\nlogin bob@localhost as b\na<nothing\nb<nothing", ""},
		{"echo", "login alice@localhost/r\nalice> <message id='{alice}'><body>x</body></message>\nalice< <message id='alice@localhost/r'><body>x</body></message>", ""},
		{"repeat", "login alice@localhost/r\nalice>*3 <message id='{#}'><body>x</body></message>\nalice<*3 <message id='{#}' ...>...</message>", ""},
		{"raw", "login alice@localhost/r\nalice>raw \"<message id='1'><body>\"\nalice>raw*5 \"y\"\nalice>raw \"</body></message>\"\nalice< <message id='1'><body>yyyyy</body></message>", ""},
		{"any", "login alice@localhost/r\nalice> <message id='1'><body>x</body></message><message id='2'><body>x</body></message>\nalice<? {\n<message id='2' ...>...</message>\n<message id='1' ...>...</message>\n}\nalice<nothing", ""},
		{"until", "login alice@localhost/r\nalice>*9 <message id='{#}'><body>x</body></message>\nalice<until <message id='7' ...>...</message>\nalice<*2 <message id='re:[89]' ...>...</message>", ""},
		{"skip", "login alice@localhost/r\nalice>*9 <message id='{#}'><body>x</body></message>\nskip alice\nalice<nothing", ""},
		{"close", "login alice@localhost/r\nclose alice\nalice<close", ""},
		{"eof", "login alice@localhost/r\neof alice\nalice<eof", ""},
		{"gone", "login alice@localhost/r\nalice> <drop/>\nalice<gone", ""},
		{"stream error", "login alice@localhost/r\nalice> <die/>\nalice<stream-error gone", ""},
		{"auth fails", "connect alice\nopen alice\nauth alice alice password=x fail=not-authorized\nauth alice alice", ""},
		{"header", "connect alice\nalice> <stream:stream xmlns='jabber:client' xmlns:stream='" + nsStream + "'>\nalice< <stream:stream id='{i}' xmlns='jabber:client' ...> <stream:features/>", ""},
		{"base64", "connect alice\nopen alice\nalice> <auth xmlns='" + nsSASL + "' mechanism='PLAIN'>{base64 \"\\x00alice\\x00secret\"}</auth>\nalice< <sasl:success/>", ""},
		{"restart", "login alice@localhost/r\nrestart\nlogin alice@localhost/r\nalice<nothing", ""},
		{"kill", "login alice@localhost/r\nkill\nrestart\nlogin alice@localhost/r\nalice<nothing", ""},

		{"wrong body", "login alice@localhost/r\nalice> <message id='1'><body>x</body></message>\nalice< <message id='1'><body>y</body></message>", `x:3: alice expect: <message>: <body>: text "x", want "y"`},
		{"not nothing", "login alice@localhost/r\nalice> <message id='1'><body>x</body></message>\nalice<nothing", "expected nothing, got <message id='1'><body>x</body></message>"},
		{"not ended", "login alice@localhost/r\nalice> <iq type='get' id='1'/>\nalice<close", "expected </stream:stream>, got <iq"},
		{"ended early", "login alice@localhost/r\nalice> <drop/>\nalice< <message/>", "expected\n     <message/>"},
		{"other error", "login alice@localhost/r\nalice> <die/>\nalice<stream-error conflict", "expected the stream error conflict, got <error"},
		{"other failure", "connect alice\nopen alice\nauth alice alice password=x fail=aborted", "expected the failure aborted, got not-authorized"},
		{"failure unexpected", "connect alice\nopen alice\nauth alice alice password=x", "authentication failed: not-authorized"},
		{"success unexpected", "connect alice\nopen alice\nauth alice alice fail=aborted", "expected the failure aborted"},
		{"nobody", "alice> <x/>", `nobody is called "alice"`},
		{"no verb", "login alice@localhost\ndance alice", `unknown statement "dance"`},
		{"no capture", "login alice@localhost\nalice> {x}", "nothing was captured as {x}"},
		{"no listener", "connect alice direct", "does not listen"},
		{"silence unbound", "connect alice\nopen alice\nalice<nothing", "needs a bound session"},
		{"no word", "login alice@localhost loudly", `unknown word "loudly"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := Parse("x", []byte(c.script))
			if err != nil {
				t.Fatal(err)
			}
			err = Run(s, t.TempDir(), false, startFake)
			switch {
			case c.err == "" && err != nil:
				t.Error(err)
			case c.err != "" && err == nil:
				t.Errorf("passes, want %q", c.err)
			case err != nil && !strings.Contains(err.Error(), c.err):
				t.Errorf("%v\nwant %q", err, c.err)
			}
		})
	}
}

// TestSCRAM is the example of RFC 7677 §3.
func TestSCRAM(t *testing.T) {
	m, err := newMechanism(credentials{user: "user", pass: "pencil", mech: "SCRAM-SHA-256"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := m.(*scram)
	m.step(nil)
	s.nonce, s.first = "rOprNGfwEbeRWgbNEkqO", "n=user,r=rOprNGfwEbeRWgbNEkqO"
	out, err := m.step([]byte("r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"))
	if want := "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="; err != nil || string(out) != want {
		t.Errorf("%s %v\nwant %s", out, err, want)
	}
	if err := m.finish([]byte("v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")); err != nil {
		t.Error(err)
	}
}
