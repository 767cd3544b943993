package prepare

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"roost/bench/benchtest"
	"roost/bench/people"
)

func society() *Society {
	return &Society{people.New(30, 4, 10, 2), people.Names{Domain: "xmpp.example", User: "u_%d", Password: `p"%d\<`, First: 1}}
}

// TestFormats: each form holds everybody, with the right password and all contacts.
func TestFormats(t *testing.T) {
	for _, f := range Formats {
		dir := t.TempDir()
		next, err := f.Write(society(), dir)
		if err != nil || !strings.Contains(next, dir) {
			t.Fatalf("%s: %q, %v", f.Name, next, err)
		}
	}
}

func read(t *testing.T, parts ...string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(parts...))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRoost(t *testing.T) {
	dir := t.TempDir()
	if _, err := roost(society(), dir); err != nil {
		t.Fatal(err)
	}
	if users := read(t, dir, "users.txt"); !bytes.HasPrefix(users, []byte(`u_1@xmpp.example p"1\<`+"\n")) || bytes.Count(users, []byte("\n")) != 30 {
		t.Errorf("%s", users)
	}
	lines := bytes.Split(bytes.TrimSpace(read(t, dir, "rosters.jsonl")), []byte("\n"))
	var first struct {
		JID    string
		Roster map[string]item
	}
	if err := json.Unmarshal(lines[0], &first); err != nil {
		t.Fatal(err)
	}
	if it := first.Roster["u_2@xmpp.example"]; len(lines) != 30 || len(first.Roster) != 4 || it.Subscription != "both" || len(it.Groups) != 1 {
		t.Errorf("%d rosters, the first %+v", len(lines), first)
	}
}

func TestProsody(t *testing.T) {
	dir := t.TempDir()
	if _, err := prosody(society(), dir); err != nil {
		t.Fatal(err)
	}
	host := filepath.Join(dir, "xmpp%2eexample")
	if got, want := string(read(t, host, "accounts", "u%5f1.dat")), `return { ["password"] = "p\"1\\<"; };`+"\n"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := string(read(t, host, "roster", "u%5f1.dat")); strings.Count(got, `["subscription"] = "both"`) != 4 || !strings.Contains(got, `["u_2@xmpp.example"]`) {
		t.Errorf("%s", got)
	}
}

func TestPie(t *testing.T) {
	dir := t.TempDir()
	if _, err := pie(society(), dir); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Host struct {
			JID  string `xml:"jid,attr"`
			User []struct {
				Name     string `xml:"name,attr"`
				Password string `xml:"password,attr"`
				Item     []struct {
					JID   string `xml:"jid,attr"`
					Group string `xml:"group"`
				} `xml:"query>item"`
			} `xml:"user"`
		} `xml:"host"`
	}
	if err := xml.Unmarshal(read(t, dir, "society.xml"), &doc); err != nil {
		t.Fatal(err)
	}
	h := doc.Host
	if h.JID != "xmpp.example" || len(h.User) != 30 || h.User[0].Password != `p"1\<` || len(h.User[29].Item) != 4 || h.User[0].Item[1].Group != "Group 2" {
		t.Errorf("%+v", h)
	}
}

// TestAdmin: accounts are made over the wire, and what the server says against it is told.
func TestAdmin(t *testing.T) {
	srv := new(benchtest.Server)
	srv.Start(t)
	s := &Society{people.New(12, 0, 0, 0), people.Names{Domain: "localhost", User: "u%d", Password: "p<%d"}}
	a := &Admin{Addr: srv.Addr, User: "boss", Password: "secret"}
	made := 0
	step := func(n int) { made = n }
	if err := a.AddUsers(t.Context(), s, step); err != nil || made != 12 || len(srv.Accounts) != 12 || srv.Accounts["u11@localhost"] != "p&lt;11" {
		t.Errorf("%v, %d made: %v", err, made, srv.Accounts)
	}
	if err := a.AddUsers(t.Context(), s, step); err == nil || !strings.Contains(err.Error(), "u0@localhost") || !strings.Contains(err.Error(), "it exists") {
		t.Errorf("again: %v", err)
	}
	a.Password = "wrong"
	if err := a.AddUsers(t.Context(), s, step); err == nil || !strings.Contains(err.Error(), "not-authorized") {
		t.Errorf("a wrong password: %v", err)
	}
	a.Addr = "127.0.0.1:1"
	if err := a.AddUsers(t.Context(), s, step); err == nil {
		t.Error("nobody there, and no error")
	}
}
