package xep0227

import (
	"bufio"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode/utf8"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// Source is the store that is exported.
type Source interface {
	Users(domain string, fn func(u *rosterdb.User) error) error
}

// ExportOptions say what is written.
type ExportOptions struct {
	Domains     []string // hosts, in this order
	RostersOnly bool     // of each user only the roster; users without one are not written
}

// Export writes a document with everything that the format has a place for. Each
// domain is of one moment. What it has no place for is in the report: secrets of
// DIGEST-MD5, members of roster entries that we do not know, other documents.
func Export(w io.Writer, src Source, o ExportOptions) (Report, error) {
	x := &exporter{w: bufio.NewWriterSize(w, 64<<10), o: o}
	x.text("<?xml version='1.0' encoding='UTF-8'?>\n<server-data xmlns='" + nsPie + "'>\n")
	for _, d := range o.Domains {
		x.tag("host", "jid", d)
		x.text(">\n")
		if err := src.Users(d, x.user); err != nil {
			return x.report, err
		}
		x.text("</host>\n")
	}
	x.text("</server-data>\n")
	return x.report, x.w.Flush()
}

type exporter struct {
	w      *bufio.Writer
	o      ExportOptions
	report Report
	b      []byte // of the value being escaped
}

// Errors of w stay in it until it is flushed; user looks once for each user.

func (x *exporter) text(s string) { _, _ = x.w.WriteString(s) }

// tag writes <name and attributes, pairs of name and value; one without a value is left out.
func (x *exporter) tag(name string, attrs ...string) {
	x.text("<" + name)
	for i := 0; i < len(attrs); i += 2 {
		if attrs[i+1] == "" {
			continue
		}
		x.text(" " + attrs[i] + "='")
		x.b = appendEscaped(x.b[:0], attrs[i+1], "'\t\n")
		_, _ = x.w.Write(x.b)
		x.text("'")
	}
}

func (x *exporter) user(u *rosterdb.User) error {
	who := u.JID.String()
	if u.JID.Local() == "" {
		x.report.leave("data of a domain itself", Pos{})
		return nil
	}
	if x.o.RostersOnly && u.Roster == nil {
		return nil
	}
	c, err := u.Credentials()
	if err != nil {
		x.report.wrong(Problem{Who: who, What: err.Error()})
		c = rosterdb.Credentials{}
	}
	if x.o.RostersOnly {
		c = rosterdb.Credentials{}
	}
	x.report.Users++
	x.tag("user", "name", u.JID.Local(), "password", c.Password)
	x.text(">\n")
	if !x.o.RostersOnly {
		if err := x.offline(u); err != nil {
			return err
		}
		x.credentials(c)
	}
	x.roster(u)
	if !x.o.RostersOnly {
		if err := x.documents(u); err != nil {
			return err
		}
	}
	x.text("</user>\n")
	_, err = x.w.Write(nil) // the first error of all that was written
	return err
}

// credentials: §3.3. Those of one account have one form: the order is that of the hashes.
func (x *exporter) credentials(c rosterdb.Credentials) {
	if !c.IsZero() {
		x.report.Accounts++
	}
	for range c.Digests {
		x.report.leave("secret of DIGEST-MD5", Pos{})
	}
	for _, hash := range rosterdb.Hashes() {
		k, ok := c.Keys[hash]
		if !ok {
			continue
		}
		enc := base64.StdEncoding.EncodeToString
		x.tag("scram-credentials", "xmlns", nsScram, "mechanism", "SCRAM-"+hash)
		x.text("><iter-count>" + strconv.Itoa(k.Iterations) + "</iter-count><salt>" + enc(k.Salt) +
			"</salt><server-key>" + enc(k.ServerKey) + "</server-key><stored-key>" + enc(k.StoredKey) + "</stored-key></scram-credentials>\n")
	}
}

// roster: §3.4, and the requests that wait, §3.9.
func (x *exporter) roster(u *rosterdb.User) {
	if u.Roster == nil {
		return
	}
	x.report.Rosters++
	x.tag("query", "xmlns", nsRoster)
	x.text(">\n")
	for it := range u.Roster.Visible() {
		x.item(u.JID.String(), it)
	}
	x.text("</query>\n")
	for it := range u.Roster.Requests() {
		doc := it.Request
		if len(doc) == 0 {
			doc = []byte("<presence/>")
		}
		b, err := rewrite(doc, nsClient, nsPie, request(it.Contact, u.JID))
		if err != nil { // the request is what counts, not what came with it
			x.report.wrong(Problem{Who: u.JID.String(), What: fmt.Sprintf("the request of %s is not XML: %v", it.Contact, err)})
			b, _ = rewrite([]byte("<presence/>"), nsClient, nsPie, request(it.Contact, u.JID))
		}
		_, _ = x.w.Write(append(b, '\n'))
	}
}

func (x *exporter) item(who string, it rosterdb.Item) {
	ask, approved := "", ""
	if it.Ask {
		ask = "subscribe"
	}
	if it.Approved {
		approved = "true"
	}
	for _, extra := range [][]byte{it.Extra, it.ExtraPending} {
		if len(extra) > 0 {
			x.report.leave("roster entry's members that are not of XMPP", Pos{})
		}
	}
	x.tag("item", "jid", it.Contact.String(), "name", x.chars(who, it.Name), "subscription", it.Sub.String(), "ask", ask, "approved", approved)
	if len(it.Groups) == 0 {
		x.text("/>\n")
		return
	}
	x.text(">")
	for _, g := range it.Groups {
		x.text("<group>")
		x.b = appendEscaped(x.b[:0], x.chars(who, g), "")
		_, _ = x.w.Write(x.b)
		x.text("</group>")
	}
	x.text("</item>\n")
}

// chars is s without what XML cannot carry.
func (x *exporter) chars(who, s string) string {
	clean := strings.Map(func(r rune) rune {
		if r < 0x20 && r != '\t' && r != '\n' && r != '\r' || r == 0xFFFE || r == 0xFFFF {
			return utf8.RuneError
		}
		return r
	}, s)
	if clean != s {
		x.report.wrong(Problem{Who: who, What: fmt.Sprintf("%q holds characters that XML does not have; they are written as U+FFFD", s)})
	}
	return clean
}

// request makes the start tag of a subscribe stanza that waits: it is sent to owner's clients as it stands.
func request(from, to jid.JID) func(xml.StartElement) (xml.StartElement, error) {
	return func(t xml.StartElement) (xml.StartElement, error) {
		if t.Name != (xml.Name{Space: nsClient, Local: "presence"}) {
			return t, fmt.Errorf("it is <%s/>", t.Name.Local)
		}
		t = setAttr(t, "type", "subscribe")
		t = setAttr(t, "to", to.String())
		return setAttr(t, "from", from.String()), nil
	}
}

// message makes the start tag of a stored message.
func message(to jid.JID) func(xml.StartElement) (xml.StartElement, error) {
	return func(t xml.StartElement) (xml.StartElement, error) {
		if t.Name != (xml.Name{Space: nsClient, Local: "message"}) {
			return t, fmt.Errorf("it is <%s/>", t.Name.Local)
		}
		if _, ok := attrOf(t, "to"); !ok {
			t = setAttr(t, "to", to.String())
		}
		return t, nil
	}
}

// offline: §3.5.
func (x *exporter) offline(u *rosterdb.User) error {
	if !u.HasOffline {
		return nil
	}
	began := false
	err := u.Offline(func(stanza []byte) error {
		b, err := rewrite(stanza, nsClient, nsPie, message(u.JID))
		if err != nil {
			x.report.wrong(Problem{Who: u.JID.String(), What: fmt.Sprintf("a stored message is not XML: %v", err)})
			return nil
		}
		if !began {
			began = true
			x.text("<offline-messages>\n")
		}
		x.report.Messages++
		_, err = x.w.Write(append(b, '\n'))
		return err
	})
	if began {
		x.text("</offline-messages>\n")
	}
	return err
}

// documents: §3.6, §3.7.
func (x *exporter) documents(u *rosterdb.User) error {
	for _, ns := range u.Documents {
		if ns != nsVCard && ns != nsPrivate {
			x.report.leave("document "+ns, Pos{})
			continue
		}
		doc, err := u.Document(ns)
		if err != nil {
			return err
		}
		b, err := rewrite(doc, "", nsPie, nil)
		if err != nil {
			x.report.wrong(Problem{Who: u.JID.String(), What: fmt.Sprintf("the document %s is not XML: %v", ns, err)})
			continue
		}
		x.report.Documents++
		_, _ = x.w.Write(append(b, '\n'))
	}
	return nil
}
