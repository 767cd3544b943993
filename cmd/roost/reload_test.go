package main

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// edit changes the configuration of a place: pairs of old and new text.
func (p *place) edit(pairs ...string) {
	p.t.Helper()
	text := p.read("roost.conf")
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			p.t.Fatalf("no %q in\n%s", pairs[i], text)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	p.write("roost.conf", text)
}

// reload gives what the console says to a reload.
func (p *place) reload() string {
	p.t.Helper()
	return p.do("", "console", "-s", p.path("data/control.sock"), "reload")
}

// TestReloadUnderLoad: a hundred changes of everything while messages flow; none is lost or overtaken, and
// nobody is disconnected.
func TestReloadUnderLoad(t *testing.T) {
	const reloads, pairs = 100, 4
	p := newPlace(t, "", `HTTP_Listener { Listen "127.0.0.1:0" {} }`)
	var accounts strings.Builder
	for i := range pairs {
		fmt.Fprintf(&accounts, "from%d@localhost secret\nto%d@localhost secret\n", i, i)
	}
	p.do(accounts.String(), "user", "import")
	one := p.read("roost.conf")
	two := strings.NewReplacer("require_tls = false", "require_tls = false\n  idle_time = 300\n  max_stanza_size = 20000\n  send_queue_limit = 70000\n  park_after = 1",
		`Listen "127.0.0.1:0" {}`, `Listen "127.0.0.1:0" { listen_backlog = 7 Peer "127.0.0.1" { idle_time = 200 } } Listen "`+p.path("c2s")+`" {}`,
		`domain "#xmpp#other.test" { XMPP_Role = server }`, `domain "#xmpp#third.test" { XMPP_Role = server } domain "#xmpp#far.test" { XMPP_Role = client }`,
		`HTTP_Listener { Listen "127.0.0.1:0" {} }`, `HTTP_Listener { Listen "`+p.path("http")+`" {} } Control_Listener { Listen "`+p.path("data/control.sock")+`" {} Listen "`+p.path("two")+`" {} }
xmpp_logger "a" { logfile = "`+p.path("log")+`" } Debug_Flags { DEBUG = ( ALL ) }`).Replace(one)
	s := p.start()
	var flows sync.WaitGroup
	stop := make(chan struct{})
	for i := range pairs {
		from, to := s.login(t, fmt.Sprintf("from%d", i), "r"), s.online(t, fmt.Sprintf("to%d", i), "r")
		flows.Go(func() { flow(from, to, fmt.Sprintf("to%d@localhost/r", i), stop) })
	}
	for i := range reloads {
		p.write("roost.conf", []string{two, one}[i%2])
		if err := s.reload(logWriter{s.log}, ""); err != nil {
			t.Fatal(err)
		}
	}
	close(stop)
	flows.Wait()
	if n, _ := s.router.Count(); n != 2*pairs {
		t.Errorf("%d sessions are left, want %d", n, 2*pairs)
	}
	for _, gone := range []string{"c2s", "http", "two"} {
		p.until(func() error {
			if _, err := os.Lstat(p.path(gone)); err == nil {
				return errAgain
			}
			return nil
		})
	}
}

// flow sends numbered messages until stop, some of them ahead of the receiver, and sees them come in their
// order.
func flow(from, to *client, address string, stop <-chan struct{}) {
	const ahead = 100
	for n := 0; ; n++ {
		select {
		case <-stop:
			for i := max(0, n-ahead); i < n; i++ {
				to.number(i)
			}
			return
		default:
		}
		if _, err := fmt.Fprintf(from.conn, "<message to='%s' id='m%d'><body>x</body></message>", address, n); err != nil {
			from.t.Error(err)
			return
		}
		if n >= ahead {
			to.number(n - ahead)
		}
	}
}

// number reads the message with a number, which must be the next.
func (c *client) number(n int) {
	if got := c.until("</message>"); !strings.Contains(got, fmt.Sprintf("id='m%d'", n)) {
		c.t.Errorf("waiting for message %d: %s", n, got)
	}
}

// TestReloadNames: what takes effect, and what does at the next start, is named with both values.
func TestReloadNames(t *testing.T) {
	p := newPlace(t, "", "")
	s := p.start()
	if got := p.reload(); !strings.HasPrefix(got, "0 changes in effect, 0 at the next start") {
		t.Error(got)
	}
	p.edit("require_tls = false", "require_tls = off\n  idle_time = 900\n  concurrency = 3", `Data_Dir = "`+p.path("data"), `Stop_Timeout = 3`+"\n"+`Data_Dir = "`+p.path("other"),
		`domain "#xmpp#other.test" { XMPP_Role = server }`, `domain "#xmpp#localhost" { XMPP_Dialback_Secret = "hidden" }`,
		"xmpp {}", "xmpp { debug_level = DEBUG }", "scriptlet \"scriptlet\" { script \"xmpp-presence\" { source = \"msys.xmpp.presence\" } }", "Control_Listener { Listen \""+p.path("data/control.sock")+"\" {} }")
	got := p.reload()
	for _, want := range []string{"xmpp_listener idle_time: 0 (default) → 900\n", "Stop_Timeout: 2 (default) → 3\n", "XMPP_Dialback_Secret changed\n",
		"domain \"#xmpp#other.test\" removed\n", "xmpp debug_level: unset → DEBUG\n", "6 changes in effect", "3 at the next start",
		"Data_Dir: " + p.path("data") + " → " + p.path("other") + " takes effect at the next start\n",
		"number of event loops (concurrency): one per processor → 3 takes effect at the next start\n",
		"roster and presence (source of a script): on → off takes effect at the next start\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("no %q in\n%s", want, got)
		}
	}
	if strings.Contains(got, "hidden") || strings.Contains(got, "require_tls") {
		t.Error(got)
	}
	if c := s.conf(); c.DataDir != p.path("data") || !c.Presence {
		t.Errorf("%s %v", c.DataDir, c.Presence)
	}
	if got := p.reload(); !strings.Contains(got, "0 changes in effect, 3 at the next start") {
		t.Error(got)
	}
	p.edit("idle_time = 900", "pool_name = nowhere")
	if got := p.reload(); !strings.Contains(got, "warning: "+p.file+":") || !strings.Contains(got, "names no ThreadPool") {
		t.Error(got)
	}
}

// TestReloadSessions: sessions that are there go by the new rules; those of a domain that goes end with
// host-gone, also in the middle of a login.
func TestReloadSessions(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("alice@localhost secret\nbob@other.test secret\n", "user", "import")
	s := p.start()
	alice, bob := s.online(t, "alice", "r"), s.online(t, "bob@other.test", "r")
	half := dial(t, s.addr())
	half.to = "other.test"
	half.header()
	p.edit("require_tls = false", "require_tls = false\n  max_stanza_size = 10000", `domain "#xmpp#other.test" { XMPP_Role = server }`, "")
	p.reload()
	for _, c := range []*client{bob, half} {
		if got := c.rest(); !strings.Contains(got, "<host-gone ") {
			t.Error(got)
		}
	}
	alice.ping()
	late := dial(t, s.addr())
	late.send("<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='other.test' version='1.0'>")
	if got := late.rest(); !strings.Contains(got, "<host-unknown ") {
		t.Error(got)
	}
	alice.send("<message to='alice@localhost'><body>" + strings.Repeat("x", 12000) + "</body></message>")
	if got := alice.rest(); !strings.Contains(got, "<policy-violation ") {
		t.Error(got)
	}
}

// TestReloadListeners: sockets come and go; one with another address on the same port takes the place of
// the old one, and who came through that stays.
func TestReloadListeners(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("alice@localhost secret\n", "user", "import")
	port := strconv.Itoa(freePort(t))
	p.edit(`Listen "127.0.0.1:0"`, `Listen "*:`+port+`"`)
	s := p.start()
	at := &addrOnly{"127.0.0.1:" + port}
	alice := at.login(t, "alice", "r")
	p.edit(`Listen "*:`+port+`"`, `Listen "127.0.0.1:`+port+`"`)
	p.reload()
	p.edit(`Listen "127.0.0.1:`+port, `Listen "*:`+port)
	p.reload()
	at.login(t, "alice", "s")
	p.edit("{}\n}\nscriptlet", "{ enable = off }\n}\nscriptlet")
	p.reload()
	if _, err := net.Dial("tcp", "127.0.0.1:"+port); err == nil || len(s.open()) != 0 {
		t.Error("the socket is still open")
	}
	alice.ping()

	// a place that is taken: nothing changes
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	p.edit(`Listen "*:`+port+`" { enable = off }`, `Listen "127.0.0.1:`+port+`" {} Listen "`+taken.Addr().String()+`" {} idle_time = 7`)
	p.refuse("", []string{"console", "reload"}, "nothing was changed", p.file+":9:", "in use")
	if len(s.open()) != 0 || strings.Contains(p.do("", "console", "status"), "listening") {
		t.Error("something is open")
	}
	alice.ping()
}

// TestReloadRosters: the web application of a domain changes, comes and goes while users are on line.
func TestReloadRosters(t *testing.T) {
	one, two := newContactsApp(t), newContactsApp(t)
	one.rosters["john"], two.rosters["john"] = `{"marie@localhost":{"name":"One"}}`, `{"marie@localhost":{"name":"Two"}}`
	p := newDelegatedPlace(t, one, "")
	s := p.start()
	john := s.login(t, "john", "r")
	john.send("<iq type='get' id='g'><query xmlns='jabber:iq:roster'/></iq>")
	if got := john.until("</iq>"); !strings.Contains(got, "name='One'") {
		t.Error(got)
	}
	p.edit(one.URL, two.URL)
	p.reload()
	if got := john.until("</iq>"); !strings.Contains(got, "type='set'") || !strings.Contains(got, "name='Two'") {
		t.Error(got)
	}
	url := ` HTTP_Roster_URL = "` + two.URL + `/contacts/%s"`
	p.edit(url, "")
	p.reload()
	if got := john.until("</iq>"); !strings.Contains(got, "subscription='remove'") {
		t.Error(got)
	}
	john.send("<iq type='set' id='s'><query xmlns='jabber:iq:roster'><item jid='own@x'/></query></iq>")
	john.until("id='s'")
	p.edit(`"#xmpp#localhost" { XMPP_Role = server`, `"#xmpp#localhost" { XMPP_Role = server`+url)
	p.reload()
	john.send("<iq type='get' id='h'><query xmlns='jabber:iq:roster'/></iq>")
	pushes, answer := john.until("id='h'"), john.until("</iq>")
	if !strings.Contains(pushes, "name='Two'") || !strings.Contains(pushes, "own@x") { // the difference was told
		t.Error(pushes)
	}
	if !strings.Contains(answer, "name='Two'") || strings.Contains(answer, "own@x") {
		t.Error(answer)
	}
}
