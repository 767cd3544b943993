// Package prepare writes accounts and rosters of a society (package people) in the forms that servers load in bulk.
package prepare

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"roost/bench/people"
	"roost/xmlstream"
)

// A Society is who is to be written.
type Society struct {
	Graph people.Graph
	Names people.Names
}

// A Format is a way to write a Society into a directory. It returns what is to be done with it, for a person.
type Format struct {
	Name  string
	About string
	Write func(s *Society, dir string) (next string, err error)
}

// Formats lists the forms.
var Formats = []Format{
	{"roost", "users.txt for `roost user import` and rosters.jsonl for `roost roster import`; users.plain is a password file", roost},
	{"prosody", "Prosody's internal storage: a data_path with accounts and rosters", prosody},
	{"xep0227", "one XEP-0227 file, for ejabberd (`ejabberdctl import_piefxis`) and others", pie},
}

// nameOf is what a contact is called in rosters.
func (s *Society) nameOf(u int) string { return fmt.Sprintf("Contact %d", s.Names.First+u) }

// file writes one file with f.
func file(name string, f func(w *bufio.Writer) error) error {
	out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // it may hold passwords
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(out, 1<<16)
	err = f(w)
	if err == nil {
		err = w.Flush()
	}
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return err
}

// item is a roster entry as Roost reads it.
type item struct {
	Name         string              `json:"name"`
	Groups       []string            `json:"groups"`
	Subscription string              `json:"subscription"`
	Pending      map[string]struct{} `json:"pending_requests"`
}

func roost(s *Society, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	users, rosters := filepath.Join(dir, "users.txt"), filepath.Join(dir, "rosters.jsonl")
	if err := file(users, func(w *bufio.Writer) error { return s.lines(w, " ") }); err != nil {
		return "", err
	}
	if err := file(filepath.Join(dir, "users.plain"), func(w *bufio.Writer) error { return s.lines(w, ":") }); err != nil {
		return "", err
	}
	if err := file(rosters, s.jsonLines); err != nil {
		return "", err
	}
	return fmt.Sprintf("roost user import -c FILE %s && roost roster import -c FILE %s", users, rosters), nil
}

// lines writes addresses and passwords.
func (s *Society) lines(w io.Writer, between string) error {
	for u := range s.Graph.Users {
		if _, err := fmt.Fprintf(w, "%s%s%s\n", s.Names.Bare(u), between, s.Names.PasswordOf(u)); err != nil {
			return err
		}
	}
	return nil
}

func (s *Society) jsonLines(w *bufio.Writer) error {
	enc := json.NewEncoder(w)
	for u := range s.Graph.Users {
		if s.Graph.Degree(u) == 0 {
			continue
		}
		r := make(map[string]item, s.Graph.Degree(u))
		for i := range s.Graph.Degree(u) {
			c := s.Graph.Contact(u, i)
			it := item{Name: s.nameOf(c), Groups: []string{}, Subscription: "both", Pending: map[string]struct{}{}}
			if g := s.Graph.GroupOf(i); g != "" {
				it.Groups = append(it.Groups, g)
			}
			r[s.Names.Bare(c)] = it
		}
		if err := enc.Encode(struct {
			JID    string          `json:"jid"`
			Roster map[string]item `json:"roster"`
		}{s.Names.Bare(u), r}); err != nil {
			return err
		}
	}
	return nil
}

// escaped writes a name as Prosody calls files: all but ASCII letters and digits as %xx (util.datamanager).
func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return b.String()
}

// luaString quotes s for Lua.
func luaString(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 0x20 || c == 0x7f:
			fmt.Fprintf(&b, "\\%03d", c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}

func prosody(s *Society, dir string) (string, error) {
	host := filepath.Join(dir, escaped(s.Names.Domain))
	for _, d := range []string{"accounts", "roster"} {
		if err := os.MkdirAll(filepath.Join(host, d), 0o755); err != nil {
			return "", err
		}
	}
	for u := range s.Graph.Users {
		name := escaped(s.Names.UserOf(u)) + ".dat"
		account := "return { [\"password\"] = " + luaString(s.Names.PasswordOf(u)) + "; };\n"
		if err := os.WriteFile(filepath.Join(host, "accounts", name), []byte(account), 0o600); err != nil {
			return "", err
		}
		if s.Graph.Degree(u) == 0 {
			continue
		}
		if err := file(filepath.Join(host, "roster", name), func(w *bufio.Writer) error { return s.luaRoster(w, u) }); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("data_path = %q with authentication = \"internal_plain\" and storage = \"internal\"; the files must belong to Prosody's user", dir), nil
}

func (s *Society) luaRoster(w *bufio.Writer, u int) error {
	fmt.Fprint(w, "return {\n\t[false] = { [\"version\"] = 1; [\"pending\"] = {}; };\n")
	for i := range s.Graph.Degree(u) {
		c := s.Graph.Contact(u, i)
		groups := ""
		if g := s.Graph.GroupOf(i); g != "" {
			groups = "[" + luaString(g) + "] = true; "
		}
		fmt.Fprintf(w, "\t[%s] = { [\"name\"] = %s; [\"subscription\"] = \"both\"; [\"groups\"] = { %s}; };\n",
			luaString(s.Names.Bare(c)), luaString(s.nameOf(c)), groups)
	}
	_, err := fmt.Fprint(w, "};\n")
	return err // a bufio.Writer keeps its first error
}

func pie(s *Society, dir string) (string, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	name := filepath.Join(dir, "society.xml")
	err := file(name, func(w *bufio.Writer) error {
		b := []byte("<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='urn:xmpp:pie:0'>\n<host")
		b = append(xmlstream.AppendAttr(b, "jid", s.Names.Domain), ">\n"...)
		for u := range s.Graph.Users {
			b = s.appendPie(b, u)
			if _, err := w.Write(b); err != nil {
				return err
			}
			b = b[:0]
		}
		_, err := w.WriteString("</host>\n</server-data>\n")
		return err
	})
	return "ejabberdctl import_piefxis " + name, err
}

// appendPie appends one user (XEP-0227 §4).
func (s *Society) appendPie(b []byte, u int) []byte {
	b = append(b, "<user"...)
	b = xmlstream.AppendAttr(b, "name", s.Names.UserOf(u))
	b = xmlstream.AppendAttr(b, "password", s.Names.PasswordOf(u))
	b = append(b, '>')
	if n := s.Graph.Degree(u); n > 0 {
		b = append(b, "<query xmlns='jabber:iq:roster'>"...)
		for i := range n {
			c := s.Graph.Contact(u, i)
			b = append(b, "<item"...)
			b = xmlstream.AppendAttr(b, "jid", s.Names.Bare(c))
			b = xmlstream.AppendAttr(b, "name", s.nameOf(c))
			b = append(b, " subscription='both'>"...)
			if g := s.Graph.GroupOf(i); g != "" {
				b = append(b, "<group>"...)
				b = append(xmlstream.AppendText(b, g), "</group>"...)
			}
			b = append(b, "</item>"...)
		}
		b = append(b, "</query>"...)
	}
	return append(b, "</user>\n"...)
}
