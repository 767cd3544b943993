package xep0227

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"roost/rosterdb"
	"roost/rosterdb/storetest"
	"roost/xmlstream/jid"
)

func open(t testing.TB) *rosterdb.DB {
	t.Helper()
	db, err := rosterdb.Open(rosterdb.Options{InMemory: true, Derive: storetest.Derive, Iterations: 10, Log: slog.New(slog.DiscardHandler)})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func addr(t testing.TB, s string) jid.JID {
	t.Helper()
	j, err := jid.Parse(s)
	must(t, err)
	return j
}

func file(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	must(t, err)
	return b
}

// into stores what is imported in db.
func into(db *rosterdb.DB) ImportOptions {
	return ImportOptions{
		Credentials: func(owner jid.JID, c rosterdb.Credentials) error {
			return db.PutCredentials(owner, c, rosterdb.AccountOptions{})
		},
		Roster: func(owner jid.JID, r *rosterdb.Roster) error {
			_, err := db.PutRoster(owner, r)
			return err
		},
		Offline: func(owner jid.JID, stanzas [][]byte) error {
			for _, s := range stanzas {
				if err := db.AddOffline(owner, s, rosterdb.OfflineLimits{}); err != nil {
					return err
				}
			}
			return nil
		},
		Document: func(owner jid.JID, ns string, doc []byte) error { return db.SetBlob(owner, ns, doc, 1<<20) },
		Fatal:    func(err error) bool { return errors.Is(err, rosterdb.ErrClosed) },
	}
}

func export(t testing.TB, db *rosterdb.DB, domains ...string) (string, Report) {
	t.Helper()
	var b bytes.Buffer
	r, err := Export(&b, db, ExportOptions{Domains: domains})
	must(t, err)
	return b.String(), r
}

// An import, exported, is the same file.
func TestGolden(t *testing.T) {
	golden := string(file(t, "golden.xml"))
	for range 2 {
		db := open(t)
		r, err := Import(t.Context(), strings.NewReader(golden), into(db))
		must(t, err)
		must(t, r.Err())
		if r.Users != 3 || r.Accounts != 2 || r.Rosters != 3 || r.Messages != 2 || r.Documents != 2 ||
			len(r.LeftOut) != 1 || r.LeftOut[0].N != 1 || !strings.HasPrefix(r.LeftOut[0].What, "user without a password") {
			t.Errorf("%+v", r)
		}
		out, r := export(t, db, "capulet.example", "montague.example")
		if out != golden {
			t.Errorf("got\n%s\nwant\n%s", out, golden)
		}
		must(t, r.Err())
		if r.Users != 3 || r.Accounts != 2 || r.Rosters != 3 || r.Messages != 2 || r.Documents != 2 || r.LeftOut != nil {
			t.Errorf("%+v", r)
		}
	}
}

// dump is what an import has made of juliet and the nurse.
func dump(t testing.TB, db *rosterdb.DB) string {
	t.Helper()
	var s strings.Builder
	must(t, db.Users("", func(u *rosterdb.User) error {
		c, err := u.Credentials()
		if err != nil {
			return err
		}
		fmt.Fprintf(&s, "%s %q", u.JID, c.Password)
		for _, h := range rosterdb.Hashes() {
			if k, ok := c.Keys[h]; ok {
				fmt.Fprintf(&s, " %s:%d:%s", h, k.Iterations, k.Salt)
			}
		}
		s.WriteString("\n")
		if u.Roster != nil {
			fmt.Fprintf(&s, "%s\n", rosterdb.RosterJSON(u.Roster))
		}
		for _, ns := range u.Documents {
			d, err := u.Document(ns)
			if err != nil {
				return err
			}
			fmt.Fprintf(&s, "%s\n", d)
		}
		return u.Offline(func(m []byte) error { fmt.Fprintf(&s, "%s\n", m); return nil })
	}))
	return s.String()
}

// Files of the shapes that other servers write.
func TestSamples(t *testing.T) {
	for _, c := range []struct{ name, want, left, wrong string }{
		{"prosody.xml", `juliet@capulet.example "roses"
{"mercutio@montague.example":{"name":"","groups":[],"subscription":"none","pending_requests":{"subscribe":{"direction":"in","stanza":"<presence to='juliet@capulet.example' from='mercutio@montague.example' type='subscribe'/>"}}},"romeo@montague.example":{"name":"Romeo","groups":["Friends"],"subscription":"both","pending_requests":{}},"tybalt@capulet.example":{"name":"","groups":[],"subscription":"none","pending_requests":{"ask":true}}}
<query xmlns='jabber:iq:private'><storage xmlns='storage:bookmarks'><conference name='Balcony' jid='balcony@rooms.example'/></storage></query>
<vCard xmlns='vcard-temp'><FN>Juliet Capulet</FN></vCard>
<message from='romeo@montague.example/orchard' to='juliet@capulet.example' type='chat'><body>Hi</body></message>
`, "left out: 1 × <query xmlns='jabber:iq:privacy'/> (first at line 19 column 4), " +
			"1 × <pubsub xmlns='http://jabber.org/protocol/pubsub#owner'/> (first at line 23 column 4), " +
			"1 × <pubsub xmlns='http://jabber.org/protocol/pubsub'/> (first at line 24 column 4), " +
			"1 × <archive xmlns='urn:xmpp:pie:0#mam'/> (first at line 25 column 4)",
			`1 wrong and left out: line 14 column 5: juliet@capulet.example: contact "not an address@@": `},
		{"ejabberd.xml", `juliet@capulet.example "roses"
{"paris@verona.example":{"name":"","groups":[],"subscription":"none","pending_requests":{"ask":true}},"romeo@montague.example":{"name":"Romeo","groups":["Friends"],"subscription":"both","pending_requests":{}},"tybalt@capulet.example":{"name":"","groups":[],"subscription":"none","pending_requests":{"subscribe":{"direction":"in","stanza":"<presence to='juliet@capulet.example' type='subscribe' from='tybalt@capulet.example'><status>please</status></presence>"}}}}
<vCard xmlns='vcard-temp'><FN>Juliet</FN></vCard>
<message type='chat' to='juliet@capulet.example' from='nurse@capulet.example/1'><body>Hi</body><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z' from='capulet.example'>Offline Storage</delay></message>
nurse@capulet.example "" SHA-256:4096:ABCDEFGHIJKLMNOP
`, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			db := open(t)
			r, err := Import(t.Context(), bytes.NewReader(file(t, c.name)), into(db))
			must(t, err)
			if got := dump(t, db); got != c.want {
				t.Errorf("got\n%s\nwant\n%s", got, c.want)
			}
			if got := strings.Join(r.Notes(), "\n"); got != c.left {
				t.Errorf("got\n%s\nwant\n%s", got, c.left)
			}
			wrong := ""
			if err := r.Err(); err != nil {
				wrong = err.Error()
			}
			if !strings.HasPrefix(wrong, c.wrong) || c.wrong == "" && wrong != "" {
				t.Errorf("got %s\nwant %s", wrong, c.wrong)
			}
		})
	}
}

const head = "<server-data xmlns='urn:xmpp:pie:0'><host jid='x'>"

// What is no document, or not of this format, is refused with its place.
func TestRefused(t *testing.T) {
	deep := strings.Repeat("<a>", 100)
	for _, c := range []struct{ in, want string }{
		{"", "line 1 column 1: the file is empty"},
		{"<a/>", "line 1 column 1: the file begins with <a xmlns=''>"},
		{"\n <server-data/>", "line 2 column 2: the file begins with <server-data xmlns=''>"},
		{"<!DOCTYPE x>" + head, "line 1 column 1: a document type"},
		{head + "\n<!DOCTYPE x>", "line 2 column 1: a document type"},
		{head + "\n<user name='a'>", "line 2 column 16: the file ends in the middle"},
		{head + "\n<user name='a'></host>", "line 2 column 23: element <user> closed by </host>"},
		{head + "<user name='a'><query xmlns='jabber:iq:roster'>&nbsp;", "invalid character entity &nbsp;"},
		{head + "<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='a.xml'/>", "line 1 column 51: XInclude is not followed"},
		{head + "<user name='a'><vCard xmlns='vcard-temp'>" + deep, "more than 64 elements"},
		{head + deep, "more than 64 elements"},
		{head + "<user name='a'><vCard xmlns='vcard-temp'><:a/>", "a name with a colon"},
		{head + "</host></server-data><more/>", "line 1 column 72: a second document follows"},
		{"<?xml version='1.0' encoding='latin1'?>" + head, "latin1"},
	} {
		t.Run(c.want, func(t *testing.T) {
			r, err := Import(t.Context(), strings.NewReader(c.in), into(open(t)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s: %v; %+v", c.in, err, r)
			}
		})
	}
	_, err := Import(t.Context(), io.MultiReader(strings.NewReader(head), errReader{}), into(open(t)))
	if !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

var errBroken = errors.New("the connection broke")

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errBroken }

// What is wrong with a user is told, and the others are imported.
func TestWrong(t *testing.T) {
	const scram = "<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-%s'>%s</scram-credentials>"
	for _, c := range []struct{ user, wrong, left string }{
		{"<user name='@'/>", `line 1 column 51: `, ""},
		{"<user/>", "line 1 column 51: ", ""},
		{"<user name='b'>" + fmt.Sprintf(scram, "SHA-1", "<iter-count>many</iter-count>") + "</user>", "b@x: <iter-count/> of SCRAM-SHA-1: ", ""},
		{"<user name='b'>" + fmt.Sprintf(scram, "SHA-1", "<salt>!</salt>") + "</user>", "<salt/> of SCRAM-SHA-1: illegal base64", ""},
		{"<user name='b'>" + fmt.Sprintf(scram, "SHA-1", "<iter-count>4096</iter-count>") + "</user>", "a salt of 0 bytes", ""},
		{"<user name='b'>" + fmt.Sprintf(scram, "SHA3-512", "<salt>!</salt>") + "</user>", "", "1 × <scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA3-512'/>"},
		{"<user name='b'><query xmlns='jabber:iq:roster'><item jid='b@x'/></query></user>", `contact "b@x" is the user itself`, ""},
		{"<user name='b'><query xmlns='jabber:iq:roster'><item jid='c@x' subscription='remove'/></query></user>", `contact c@x: the subscription "remove"`, ""},
		{"<user name='b'><query xmlns='jabber:iq:roster'><item jid='c@x' ask='both' x='y'/>text</query></user>", "", "ask='both' of <item/>"},
		{"<user name='b'><presence xmlns='jabber:client' type='subscribe'/></user>", `contact ""`, ""},
		{"<user name='b'><presence xmlns='jabber:client' from='c@x'/></user>", "", "<presence xmlns='jabber:client'/>"},
		{"<user name='b'><offline-messages><iq xmlns='jabber:client'/></offline-messages></user>", "", "<iq xmlns='jabber:client'/>"},
		{"<user name='b' password='" + strings.Repeat("x", 2000) + "'/>", "password of 2000 bytes", ""},
		{"<user name='b'/><rooms xmlns='urn:rooms'><a><b/></a></rooms>words", "", "1 × <rooms xmlns='urn:rooms'/> (first at line 1 column 67), 1 × text in <host>"},
	} {
		db := open(t)
		in := head + c.user + "<user name='last' password='p'/></host></server-data>"
		r, err := Import(t.Context(), strings.NewReader(in), into(db))
		must(t, err)
		if ok, err := db.AccountExists(addr(t, "last@x")); !ok || err != nil {
			t.Errorf("%s: the next user is not there: %v", c.user, err)
		}
		if err := r.Err(); (err != nil) != (c.wrong != "") || err != nil && !strings.Contains(err.Error(), c.wrong) {
			t.Errorf("%s: %v, want %s", c.user, err, c.wrong)
		}
		if notes := strings.Join(r.Notes(), " "); !strings.Contains(notes, c.left) {
			t.Errorf("%s: left out: %s, want %s", c.user, notes, c.left)
		}
	}
}

// Only rosters are taken where only they are wanted; the rest is counted.
func TestRostersOnly(t *testing.T) {
	db := open(t)
	o := into(db)
	o.Credentials, o.Offline, o.Document = nil, nil, nil
	r, err := Import(t.Context(), bytes.NewReader(file(t, "golden.xml")), o)
	must(t, err)
	if r.Rosters != 3 || r.Accounts+r.Messages+r.Documents != 0 || !strings.Contains(r.Notes()[0], "2 × account") || !strings.Contains(r.Notes()[0], "2 × offline message") {
		t.Errorf("%+v", r)
	}
	var b strings.Builder
	must(t, db.PutCredentials(addr(t, "x@capulet.example"), rosterdb.Credentials{Password: "secret"}, rosterdb.AccountOptions{}))
	r, err = Export(&b, db, ExportOptions{Domains: []string{"capulet.example"}, RostersOnly: true})
	must(t, err)
	if r.Users != 2 || strings.Contains(b.String(), "secret") || !strings.Contains(b.String(), "<item jid='romeo@montague.example'") {
		t.Errorf("%+v\n%s", r, b.String())
	}
}

// A fatal error ends it, and so does the caller; a user who is there twice is stored twice in order.
func TestEnds(t *testing.T) {
	db := open(t)
	must(t, db.Close())
	users := strings.Repeat("<user name='a' password='p'/>", 3000)
	r, err := Import(t.Context(), strings.NewReader(head+users+"</host></server-data>"), into(db))
	if !errors.Is(err, rosterdb.ErrClosed) || r.Accounts != 0 {
		t.Errorf("%v, %+v", err, r)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errBroken)
	if _, err := Import(ctx, strings.NewReader(head+users), into(open(t))); !errors.Is(err, errBroken) {
		t.Error(err)
	}
	db = open(t)
	_, err = Import(t.Context(), strings.NewReader(head+"<user name='a' password='one'/><user name='a' password='two'/></host></server-data>"), into(db))
	must(t, err)
	must(t, db.VerifyPassword(addr(t, "a@x"), "two"))
}

// endless gives the same again and again.
type endless struct {
	text string
	read int64
}

func (e *endless) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = e.text[e.read%int64(len(e.text))]
		e.read++
	}
	return len(b), nil
}

// What one user may take has a limit; what is passed over has none.
func TestTooLong(t *testing.T) {
	o := into(open(t))
	o.MaxUser = 64 << 10
	const user = head + "<user name='a'>"
	const vcard = user + "<vCard xmlns='vcard-temp'>"
	for _, c := range []struct{ before, again string }{
		{vcard, "x"}, {vcard, "<!-- -->"}, {vcard, "<a/>"}, {user + "<!--", "x"}, {user + "<x a='", "x"},
		{user, "<vCard xmlns='vcard-temp'><FN>x</FN></vCard><x/>"}, // what is passed over does not count, the rest does
		{user + "<query xmlns='jabber:iq:roster'>", "<item jid='b@x'><group>g</group></item>"},
	} {
		in := &endless{text: c.again}
		_, err := Import(t.Context(), io.MultiReader(strings.NewReader(c.before), in), o)
		if !errors.Is(err, errTooLong) || !strings.Contains(err.Error(), "more than 65536 bytes") || in.read > 1<<20 {
			t.Errorf("%s: %v after %d bytes", c.again, err, in.read)
		}
	}
	const a = "<a></a>"
	in := io.LimitReader(&endless{text: a}, int64(1<<20/len(a)*len(a)))
	r, err := Import(t.Context(), io.MultiReader(strings.NewReader(user+"<archive xmlns='urn:xmpp:pie:0#mam'>"), in,
		strings.NewReader("</archive></user></host></server-data>")), o)
	must(t, err)
	if r.Users != 1 {
		t.Errorf("%+v", r)
	}
}

// What a client has stored in its own way of writing XML is exported in ours.
func TestExportForeign(t *testing.T) {
	db := open(t)
	a := addr(t, "a@x")
	must(t, db.SetBlob(a, "vcard-temp", []byte(`<vCard xmlns='vcard-temp' xmlns:p="urn:p"><!-- c --><p:x p:a="'&#10;"/></vCard>`), 1000))
	must(t, db.SetBlob(a, "jabber:iq:private", []byte("no XML"), 1000))
	must(t, db.SetBlob(a, "jabber:iq:last", []byte("1"), 1000))
	must(t, db.AddOffline(a, []byte("<message from='b@x'><body/></message>"), rosterdb.OfflineLimits{}))
	must(t, db.AddOffline(a, []byte("<message"), rosterdb.OfflineLimits{}))
	_, err := db.PutRoster(a, &rosterdb.Roster{Items: []rosterdb.Item{{Contact: addr(t, "c@x"), PendingIn: true, Request: []byte("<")},
		{Contact: addr(t, "d@x"), Name: "\x01\n", Extra: []byte(`{"color":1}`)}}})
	must(t, err)
	out, r := export(t, db, "x")
	const want = `<?xml version='1.0' encoding='UTF-8'?>
<server-data xmlns='urn:xmpp:pie:0'>
<host jid='x'>
<user name='a'>
<offline-messages>
<message xmlns='jabber:client' to='a@x' from='b@x'><body/></message>
</offline-messages>
<query xmlns='jabber:iq:roster'>
<item jid='d@x' name='` + "\ufffd" + `&#10;' subscription='none'/>
</query>
<presence xmlns='jabber:client' from='c@x' to='a@x' type='subscribe'/>
<vCard xmlns='vcard-temp'><x xmlns='urn:p' xmlns:ns0='urn:p' ns0:a='&#39;&#10;'/></vCard>
</user>
</host>
</server-data>
`
	if out != want {
		t.Errorf("got\n%s\nwant\n%s", out, want)
	}
	if r.NWrong != 4 || len(r.LeftOut) != 2 {
		t.Errorf("%+v", r)
	}
}

// FuzzImport: whatever a file holds, what is imported of it can be exported, and that is the same again.
func FuzzImport(f *testing.F) {
	for _, name := range []string{"golden.xml", "prosody.xml", "ejabberd.xml"} {
		f.Add(file(f, name))
	}
	f.Add([]byte(head + "<user name='a'><vCard xmlns='vcard-temp' p:q='1' xml:lang='x'>]]&gt;<?pi?></vCard></user></host></server-data>"))
	f.Fuzz(func(t *testing.T, in []byte) {
		nowhere := ImportOptions{Credentials: func(jid.JID, rosterdb.Credentials) error { return nil },
			Roster: func(jid.JID, *rosterdb.Roster) error { return nil }}
		if r, err := Import(t.Context(), bytes.NewReader(in), nowhere); err != nil || r.Accounts+r.Rosters == 0 {
			return
		}
		first, second := open(t), open(t)
		_, err := Import(t.Context(), bytes.NewReader(in), into(first))
		must(t, err)
		domains := map[string]bool{}
		var names []string
		must(t, first.Users("", func(u *rosterdb.User) error {
			if d := u.JID.Domain(); !domains[d] {
				domains[d] = true
				names = append(names, d)
			}
			return nil
		}))
		one, r := export(t, first, names...)
		must(t, r.Err())
		r, err = Import(t.Context(), strings.NewReader(one), into(second))
		if err != nil || r.Err() != nil {
			t.Fatalf("%v, %v:\n%s", err, r.Err(), one)
		}
		if two, _ := export(t, second, names...); one != two {
			t.Fatalf("first\n%s\nsecond\n%s", one, two)
		}
	})
}
