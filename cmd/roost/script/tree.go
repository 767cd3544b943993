package script

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Namespaces that scripts and the harness itself speak.
const (
	nsClient = "jabber:client"
	nsStream = "http://etherx.jabber.org/streams"
	nsXML    = "http://www.w3.org/XML/1998/namespace"
	nsSASL   = "urn:ietf:params:xml:ns:xmpp-sasl"
	nsTLS    = "urn:ietf:params:xml:ns:xmpp-tls"
	nsBind   = "urn:ietf:params:xml:ns:xmpp-bind"
	nsStrErr = "urn:ietf:params:xml:ns:xmpp-streams"
	nsStzErr = "urn:ietf:params:xml:ns:xmpp-stanzas"
	nsPing   = "urn:xmpp:ping"
	nsRoster = "jabber:iq:roster"
)

// name is a name after namespace resolution.
type name struct{ space, local string }

func (n name) String() string {
	if n.space == "" {
		return n.local
	}
	return "{" + n.space + "}" + n.local
}

// node is one element. Text is its own character data in one piece.
type node struct {
	name
	attrs map[name]string
	decls map[string]string // namespace declarations by prefix
	kids  []*node
	text  string
	// lead[i] is the character data in front of kids[i]; patterns keep their marks there.
	lead []string
}

func (n *node) attr(local string) string { return n.attrs[name{"", local}] }

func (n *node) child(space, local string) *node {
	if n == nil {
		return nil
	}
	for _, k := range n.kids {
		if k.name == (name{space, local}) {
			return k
		}
	}
	return nil
}

// kind of a thing that a stream gives.
type kind uint8

const (
	element kind = iota // a complete child of the root
	opened              // the stream header
	closed              // the stream's end tag
)

// item is one thing out of a stream.
type item struct {
	kind kind
	*node
}

// reader cuts a stream into items. It is strict: whatever RFC 6120 §11 forbids a server to send,
// an undeclared prefix or an attribute that stands twice is an error.
type reader struct {
	dec   *xml.Decoder
	scope []map[string]string // bindings, one level per open element
	open  []xml.Name          // raw names of open elements
}

func newReader(r io.Reader) *reader { return &reader{dec: xml.NewDecoder(r)} }

// next reads up to the end of the next header, element or end tag of the root.
func (r *reader) next() (item, error) {
	for {
		tok, err := r.dec.RawToken()
		if err != nil {
			return item{}, err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			n, err := r.start(t)
			if err != nil {
				return item{}, err
			}
			if len(r.open) == 1 {
				return item{opened, n}, nil
			}
			return item{element, n}, r.fill(n)
		case xml.EndElement:
			return item{kind: closed}, r.end(t)
		case xml.CharData:
			if s := strings.TrimSpace(string(t)); s != "" {
				return item{}, fmt.Errorf("text between stanzas: %q", s)
			}
		case xml.ProcInst:
			if t.Target != "xml" || len(r.open) > 0 {
				return item{}, errors.New("a processing instruction: <?" + t.Target)
			}
		default:
			return item{}, fmt.Errorf("restricted XML: %T", tok)
		}
	}
}

// fill reads the content of n up to its end tag.
func (r *reader) fill(n *node) error {
	depth := len(r.open)
	var text, lead strings.Builder
	for {
		tok, err := r.dec.RawToken()
		if err != nil {
			return err
		}
		switch t := tok.(type) {
		case xml.StartElement:
			k, err := r.start(t)
			if err != nil {
				return err
			}
			if err := r.fill(k); err != nil {
				return err
			}
			n.kids, n.lead = append(n.kids, k), append(n.lead, lead.String())
			lead.Reset()
		case xml.EndElement:
			n.text = text.String()
			n.lead = append(n.lead, lead.String())
			if depth != len(r.open) {
				return errors.New("end tag " + t.Name.Local + " at the wrong depth")
			}
			return r.end(t)
		case xml.CharData:
			text.Write(t)
			lead.Write(t)
		default:
			return fmt.Errorf("restricted XML: %T", tok)
		}
	}
}

// start resolves a start tag.
func (r *reader) start(t xml.StartElement) (*node, error) {
	n := &node{attrs: map[name]string{}, decls: map[string]string{}}
	for _, a := range t.Attr {
		switch {
		case a.Name.Space == "xmlns":
			n.decls[a.Name.Local] = a.Value
		case a.Name.Space == "" && a.Name.Local == "xmlns":
			n.decls[""] = a.Value
		}
	}
	r.scope = append(r.scope, n.decls)
	r.open = append(r.open, t.Name)
	for _, a := range t.Attr {
		if a.Name.Space == "xmlns" || a.Name == (xml.Name{Local: "xmlns"}) {
			continue
		}
		at := name{"", a.Name.Local}
		if a.Name.Space != "" {
			var err error
			if at.space, err = r.resolve(a.Name.Space); err != nil {
				return nil, err
			}
		}
		if _, twice := n.attrs[at]; twice {
			return nil, fmt.Errorf("attribute %v twice in <%s>", at, t.Name.Local)
		}
		n.attrs[at] = a.Value
	}
	space, err := r.resolve(t.Name.Space)
	n.name = name{space, t.Name.Local}
	return n, err
}

// resolve finds what a prefix stands for.
func (r *reader) resolve(prefix string) (string, error) {
	if prefix == "xml" {
		return nsXML, nil
	}
	for i := len(r.scope) - 1; i >= 0; i-- {
		if uri, ok := r.scope[i][prefix]; ok {
			return uri, nil
		}
	}
	if prefix == "" {
		return "", nil
	}
	return "", fmt.Errorf("prefix %q is not declared", prefix)
}

func (r *reader) end(t xml.EndElement) error {
	if len(r.open) == 0 {
		return errors.New("</" + t.Name.Local + "> closes nothing")
	}
	last := len(r.open) - 1
	if r.open[last] != t.Name {
		return errors.New("</" + t.Name.Local + "> closes <" + r.open[last].Local + ">")
	}
	r.open, r.scope = r.open[:last], r.scope[:last]
	return nil
}
