package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestBackupRestore: what was there comes back, and a client whose version of the roster is of the time
// after the backup gets the whole roster (RFC 6121 §2.6.3), not nothing.
func TestBackupRestore(t *testing.T) {
	everywhere(t, func(t *testing.T, p *place) {
		p.do("alice@localhost secret\nbob@localhost secret\n", "user", "import")
		p.do(`{"bob@localhost":{"name":"before","subscription":"both"}}`, "roster", "set", "alice@localhost")
		t.Chdir(p.dir)
		words := []string{"backup", "roost.bak"} // the path is the caller's
		if got := p.do("", words...); !strings.HasPrefix(got, p.path("roost.bak")+": 3 records, ") {
			t.Error(got)
		}
		p.refuse("", []string{"backup", "roost.conf"}, p.file+" is there and is no backup")
		p.refuse("", []string{"backup", "none/roost.bak"}, "none/roost.bak.part", "no such file")
		if left, _ := filepath.Glob("*.part"); len(left) > 0 {
			t.Errorf("%v is left", left)
		}
	})
}

func TestRestore(t *testing.T) {
	p := newPlace(t, "", "")
	p.do("alice@localhost secret\nbob@localhost secret\n", "user", "import")
	p.do(`{"bob@localhost":{"name":"before","subscription":"both"}}`, "roster", "set", "alice@localhost")
	s := p.start()
	t.Chdir(p.dir)
	p.do("", "console", "backup", "roost.bak")

	c := s.online(t, "alice", "r")
	for _, name := range []string{"one", "two", "three"} {
		c.send("<iq type='set' id='set'><query xmlns='jabber:iq:roster'><item jid='bob@localhost' name='" + name + "'/></query></iq>")
		c.until(" name='" + name + "'")
	}
	c.ping()
	c.send("<iq type='get' id='again'><query xmlns='jabber:iq:roster' ver=''/></iq>")
	c.until("id='again'")
	c.until(" ver='")
	known := strings.TrimSuffix(c.until("'"), "'")
	c.until("</iq>")
	c.send("<iq type='get' id='known'><query xmlns='jabber:iq:roster' ver='" + known + "'/></iq>")
	if got := c.until("/>"); !strings.Contains(got, "type='result'") || strings.Contains(got, "<query") {
		t.Fatalf("the version %s is not current: %s", known, got)
	}
	p.refuse("", []string{"restore", "roost.bak"}, "a server runs", "stop it first")
	stopSoon(s)
	p.refuse("", []string{"restore", "roost.bak"}, "there is a store in "+p.path("data/store"), "mv "+p.path("data/store"))
	if err := os.Rename("data/store", "data/store.old"); err != nil {
		t.Fatal(err)
	}
	p.write("cut.bak", p.read("roost.bak")[:200])
	p.refuse("", []string{"restore", "cut.bak"}, "cut.bak: position ", "the file ends in the middle", "take another backup")
	if got := p.do("", "restore", "roost.bak"); !strings.HasPrefix(got, p.path("data/store")+": 3 records, ") || !strings.Contains(got, "start the server") {
		t.Error(got)
	}
	if left, _ := filepath.Glob("data/*.restoring"); len(left) > 0 {
		t.Errorf("%v is left", left)
	}

	s = p.start()
	c = s.login(t, "alice", "r")
	c.send("<iq type='get' id='known'><query xmlns='jabber:iq:roster' ver='" + known + "'/></iq>")
	if got := c.until("</iq>"); !strings.Contains(got, "<query") || !strings.Contains(got, " name='before'") || strings.Contains(got, known) {
		t.Errorf("with the version %s: %s", known, got)
	}
}
