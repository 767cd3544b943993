package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

// contactsApp is a web application that owns rosters.
type contactsApp struct {
	*httptest.Server
	mu      sync.Mutex
	rosters map[string]string // by user
	asked   map[string]int
	serve   http.HandlerFunc // instead of the rosters
	token   string           // of the last request
}

func newContactsApp(t *testing.T) *contactsApp {
	a := &contactsApp{rosters: map[string]string{}, asked: map[string]int{}}
	a.Server = httptest.NewServer(a)
	t.Cleanup(a.Close)
	return a
}

func (a *contactsApp) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	a.mu.Lock()
	user := strings.TrimPrefix(q.URL.Path, "/contacts/")
	a.asked[user]++
	a.token = q.Header.Get("Authorization")
	serve, roster := a.serve, a.rosters[user]
	a.mu.Unlock()
	switch {
	case serve != nil:
		serve(w, q)
	case roster == "":
		http.NotFound(w, q)
	default:
		io.WriteString(w, roster)
	}
}

// friends sets whole rosters: each user with the friends behind it.
func (a *contactsApp) friends(lists ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, list := range lists {
		user, friends, _ := strings.Cut(list, ":")
		var items []string
		for f := range strings.FieldsSeq(friends) {
			items = append(items, fmt.Sprintf(`"%s@localhost":{"name":"%s"}`, f, strings.ToUpper(f)))
		}
		a.rosters[user] = "{" + strings.Join(items, ",") + "}"
	}
}

func (a *contactsApp) does(h http.HandlerFunc) {
	a.mu.Lock()
	a.serve = h
	a.mu.Unlock()
}

// newDelegatedPlace makes a place where the rosters of localhost belong to an application.
func newDelegatedPlace(t *testing.T, a *contactsApp, domain string) *place {
	p := newPlace(t, "", `HTTP_Listener { Listen "127.0.0.1:0" {} }`)
	domain = strings.ReplaceAll(domain, "{dir}", p.dir)
	p.write("roost.conf", strings.Replace(p.read("roost.conf"), `"#xmpp#localhost" { XMPP_Role = server }`,
		`"#xmpp#localhost" { XMPP_Role = server HTTP_Roster_URL = "`+a.URL+`/contacts/%s" `+domain+` }`, 1))
	p.do("john@localhost secret\naaron@localhost secret\nmarie@localhost secret\nzoe@other.test secret\n", "user", "import")
	return p
}

// post refreshes users, and gives the answer.
func (s *Server) post(t *testing.T, names string) string {
	t.Helper()
	resp, err := http.Post("http://"+s.webs()[0].ln.Addr().String()+"/roster_admin/refresh", "application/json", strings.NewReader(names))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSpace(string(b)))
}

const rosterGet = "<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>"

// hear fails the test unless what came has all of want, and nothing of the strings behind a "!".
func hear(t *testing.T, who, got string, want ...string) {
	t.Helper()
	for _, w := range want {
		text, unwanted := strings.CutPrefix(w, "!")
		if strings.Contains(got, text) == unwanted {
			t.Errorf("%s: %q, unwanted %v: %s", who, text, unwanted, got)
		}
	}
}

// TestDelegatedLogin: the roster is there whether a client asks for it first, later or never.
func TestDelegatedLogin(t *testing.T) {
	a := newContactsApp(t)
	a.friends("john: aaron marie", "aaron: john", "marie: john")
	p := newDelegatedPlace(t, a, `HTTP_Roster_Token = "file://{dir}/token"`)
	p.write("token", "se cret\n")
	s := p.start()
	john := s.login(t, "john", "r") // roster first
	john.send(rosterGet)
	hear(t, "john", john.until("</iq>"), "<item jid='aaron@localhost' name='AARON' subscription='both'/>", "jid='marie@localhost'", " ver='")
	john.send("<presence/>")
	john.ping()
	aaron := s.login(t, "aaron", "r") // presence first
	aaron.send("<presence/>")
	hear(t, "aaron", aaron.ping(), "from='john@localhost/r'")
	hear(t, "john", john.ping(), "from='aaron@localhost/r'")
	aaron.send(rosterGet)
	hear(t, "aaron", aaron.until("</iq>"), "jid='john@localhost'")
	marie := s.login(t, "marie", "r") // presence alone
	marie.send("<presence/>")
	hear(t, "marie", marie.ping(), "from='john@localhost/r'", "!from='aaron@localhost/r'")
	hear(t, "john", john.ping(), "from='marie@localhost/r'")
	hear(t, "status", p.do("", "console", "status"), "rosters of localhost", "3 in use", "3 requests")
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.asked["john"] != 1 || a.asked["aaron"] != 1 || a.asked["marie"] != 1 || a.token != "Bearer se cret" {
		t.Errorf("%v %s", a.asked, a.token)
	}
}

// TestDelegatedTokens: the token of a domain counts in both directions, and the listener's, too.
func TestDelegatedTokens(t *testing.T) {
	a := newContactsApp(t)
	a.friends("john:")
	p := newDelegatedPlace(t, a, `HTTP_Roster_Token = "se cret" HTTP_Roster_Fetch = bind`)
	p.write("roost.conf", strings.Replace(p.read("roost.conf"), `HTTP_Listener {`, `HTTP_Listener { Auth_Token = admin `, 1))
	s := p.start()
	s.login(t, "john", "r")
	p.until(func() error { // without a word of the client
		if st := s.delegated()["localhost"].Stats(); st.Live == 0 {
			return errAgain
		}
		return nil
	})
	url := "http://" + s.webs()[0].ln.Addr().String() + "/roster_admin/refresh/john"
	for token, want := range map[string]int{"": 401, "Bearer wrong": 401, "Bearer se cret": 200, "Bearer admin": 200} {
		if code, body := get(t, url, token); code != want {
			t.Errorf("%q: %d %s", token, code, body)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.token != "Bearer se cret" {
		t.Error(a.token)
	}
}

// TestDelegatedRefresh: who becomes friends sees each other at once, and who is no friend any more does not.
func TestDelegatedRefresh(t *testing.T) {
	a := newContactsApp(t)
	a.friends("john:", "aaron:", "marie:")
	s := newDelegatedPlace(t, a, "").start()
	john, aaron := s.online(t, "john", "r"), s.online(t, "aaron", "r")
	for _, named := range []string{`["john","aaron"]`, `["aaron"]`} { // one side suffices
		a.friends("john: aaron", "aaron: john")
		if got := s.post(t, named); !strings.HasPrefix(got, `200 {"status":"ok","message":"roster update complete","updated":`) || !strings.Contains(got, `"errors":0`) {
			t.Error(got)
		}
		hear(t, "john", john.until("from='aaron@localhost/r'")+john.ping(), "<item jid='aaron@localhost' name='AARON' subscription='both'/>")
		hear(t, "aaron", aaron.until("from='john@localhost/r'")+aaron.ping(), "<item jid='john@localhost' name='JOHN' subscription='both'/>")
		a.friends("john:", "aaron:")
		s.post(t, named)
		hear(t, "john", john.until("type='unavailable'")+john.ping(), "<item jid='aaron@localhost' subscription='remove'/>")
		hear(t, "aaron", aaron.until("type='unavailable'")+aaron.ping(), "<item jid='john@localhost' subscription='remove'/>")
	}
	if got := s.post(t, `["john","john","marie","none"]`); got != `200 {"status":"ok","message":"roster update complete","updated":0,"errors":0,"unchanged":1,"offline":2,"failed":[]}` {
		t.Error(got)
	}
	a.mu.Lock()
	a.rosters["john"] = `{"marie@localhost":{"name":"M & M","groups":{"Friends":true},"subscription":"to"}}`
	a.mu.Unlock()
	s.post(t, `["john"]`)
	hear(t, "john", john.ping(), "<item jid='marie@localhost' name='M &amp; M' subscription='to'><group>Friends</group></item>")
	if got := s.post(t, "nonsense"); !strings.HasPrefix(got, `400 {"status":"error"`) {
		t.Error(got)
	}
	if code, body := get(t, "http://"+s.webs()[0].ln.Addr().String()+"/roster_admin/refresh/john", ""); code != 200 || !strings.Contains(body, `"unchanged":1`) {
		t.Error(code, body)
	}
}

// TestDelegatedIsTheApplications: nothing that a client sends changes a roster.
func TestDelegatedIsTheApplications(t *testing.T) {
	a := newContactsApp(t)
	a.friends("john: marie", "aaron:")
	p := newDelegatedPlace(t, a, "")
	s := p.start()
	john, aaron := s.online(t, "john", "r"), s.online(t, "aaron", "r")
	for _, item := range []string{"<item jid='aaron@localhost'/>", "<item jid='marie@localhost' subscription='remove'/>", ""} {
		john.send("<iq type='set' id='s'><query xmlns='jabber:iq:roster'>" + item + "</query></iq>")
		hear(t, "john", john.until("</iq>"), "type='cancel'", "<service-unavailable")
	}
	for _, kind := range []string{"subscribe", "subscribed", "unsubscribe", "unsubscribed"} {
		john.send("<presence to='aaron@localhost' type='" + kind + "'/>")
		john.send("<presence to='zoe@other.test' type='" + kind + "'/>")
		aaron.send("<presence to='john@localhost' type='" + kind + "'/>")
	}
	for _, c := range []*client{john, aaron} {
		hear(t, "client", c.ping(), "!<presence", "!type='error'", "!roster")
	}
	john.send(rosterGet)
	hear(t, "john", john.until("</iq>"), "marie@localhost", "!aaron@localhost")
	r := p.try(`{}`, "roster", "set", "john@localhost")
	hear(t, "operator", r.err, "john@localhost", "HTTP_Roster_URL")
	hear(t, "operator", p.do("", "roster", "show", "john@localhost"), "marie@localhost")
	p.do(`{}`, "roster", "set", "zoe@other.test")
}

// TestDelegatedDown: a client that cannot have its roster is told in time, and stays.
func TestDelegatedDown(t *testing.T) {
	t.Parallel()
	a := newContactsApp(t)
	a.friends("john: aaron", "aaron: john", "marie:")
	s := newDelegatedPlace(t, a, "HTTP_Roster_Timeout = 1").start()
	john := s.online(t, "john", "r")
	stop := make(chan struct{})
	a.does(func(_ http.ResponseWriter, q *http.Request) {
		select {
		case <-stop:
		case <-q.Context().Done():
		}
	})
	defer close(stop)
	begin := time.Now()
	aaron := s.login(t, "aaron", "r")
	aaron.send(rosterGet + "<presence/>")
	hear(t, "aaron", aaron.until("</iq>"), "id='roster'", "<internal-server-error")
	hear(t, "aaron", aaron.until("</presence>"), "type='error'")
	aaron.ping()
	if took := time.Since(begin); took < time.Second || took > patience/2 {
		t.Errorf("took %v", took)
	}
	if got := s.post(t, `["john"]`); !strings.Contains(got, `"status":"error"`) || !strings.Contains(got, `{"user":"john","code":0,"reason":"timeout","error":"no answer of the web application within 1s"}`) {
		t.Error(got)
	}
	john.send(rosterGet) // the last good one
	hear(t, "john", john.until("</iq>"), "aaron@localhost")
	a.does(nil)
	if got := s.post(t, `["aaron"]`); !strings.Contains(got, `"updated":1`) {
		t.Error(got)
	}
	aaron.send("<presence/>")
	hear(t, "aaron", aaron.ping(), "from='john@localhost/r'")
	hear(t, "john", john.ping(), "from='aaron@localhost/r'")
}

// TestDelegatedHang: while a web application hangs, more logins than there are workers wait for it, and
// nobody else does: neither another domain nor those whose rosters are there.
func TestDelegatedHang(t *testing.T) {
	t.Parallel()
	const crowd, each = workers + farWorkers, 8 // logins in all, and of one user
	a := newContactsApp(t)
	a.friends("john:")
	p := newDelegatedPlace(t, a, "HTTP_Roster_Timeout = 30")
	names := "john:secret\nzoe@other.test:secret\n" // a file: its passwords are compared, not derived
	for i := range crowd / each {
		names += fmt.Sprintf("u%d:secret\n", i)
	}
	p.write("users", names)
	p.write("roost.conf", strings.ReplaceAll(p.read("roost.conf"), "accounts://", "file://"+p.path("users")))
	s := p.start()
	john := s.online(t, "john", "r")
	var all []*client
	for i := range crowd {
		all = append(all, s.login(t, fmt.Sprintf("u%d", i/each), fmt.Sprint(i%each)))
	}
	stop := make(chan struct{})
	asked := make(chan struct{}, crowd)
	a.does(func(_ http.ResponseWriter, q *http.Request) {
		asked <- struct{}{}
		select {
		case <-stop:
		case <-q.Context().Done():
		}
	})
	for _, c := range all {
		c.send(rosterGet)
	}
	<-asked
	const card = "<iq type='set' id='v'><vCard xmlns='vcard-temp'><FN>N</FN></vCard></iq>"
	zoe := s.online(t, "zoe@other.test", "r")
	for _, c := range []*client{zoe, john} {
		c.send(card)
		hear(t, "client", c.until("id='v'"), "type='result'")
	}
	john.send("<presence><status>still here</status></presence>")
	john.until("still here")
	if st := s.delegated()["localhost"].Stats(); st.Failures > 0 || st.Open == 0 {
		t.Errorf("the others have waited: %+v", st)
	}
	close(stop)
	for _, c := range all {
		hear(t, "crowd", c.until("</iq>"), "<internal-server-error")
	}
}

// TestDelegatedVersions: a client that has the roster is not sent it again, one that has an older one
// is sent the difference; a server that has been started anew knows no versions of before.
func TestDelegatedVersions(t *testing.T) {
	a := newContactsApp(t)
	a.friends("john: aaron")
	p := newDelegatedPlace(t, a, "")
	ver := ""
	ask := func(s *Server) string {
		john := s.login(t, "john", "r")
		john.send("<iq type='get' id='roster'><query xmlns='jabber:iq:roster' ver='" + ver + "'/></iq>")
		got := john.ping()
		if m := regexp.MustCompile(` ver='([^']+)'`).FindStringSubmatch(got); m != nil {
			ver = m[1]
		}
		john.send("</stream:stream>")
		john.rest()
		return got
	}
	s := p.start()
	hear(t, "john", ask(s), "aaron@localhost")
	hear(t, "john", ask(s), "type='result'", "!<query")
	stopSoon(s)
	s = p.start()
	hear(t, "john", ask(s), "aaron@localhost")
	a.friends("john: aaron marie")
	hear(t, "john", ask(s), "id='roster'/>", "!jid='aaron@localhost'", "<item jid='marie@localhost'")
	a.friends("john: marie")
	hear(t, "john", ask(s), "id='roster'/>", "<item jid='aaron@localhost' subscription='remove'/>", "!marie@")
	hear(t, "john", ask(s), "type='result'", "!<query")
}
