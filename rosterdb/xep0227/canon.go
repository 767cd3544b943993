package xep0227

import (
	"encoding/xml"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// maxDepth bounds the elements in one another of one user's document: what a
// client may send at the most.
const maxDepth = 64

var (
	errDepth = fmt.Errorf("more than %d elements in one another", maxDepth)
	errColon = errors.New("a name with a colon at its end")
)

// canon writes elements in one form: every namespace is declared as the default
// one where it changes, attributes of a namespace get a prefix ns0, ns1, …
// declared beside them; no comments, no processing instructions, ' around values.
type canon struct {
	b     []byte
	stack []level
	open  bool // the last start tag lacks its >
}

type level struct{ space, local string }

// newCanon makes one that writes where space is the default namespace.
func newCanon(space string) *canon { return &canon{stack: []level{{space: space}}} }

// token takes the next token of the tree; done when its root has ended.
func (c *canon) token(t xml.Token) (done bool, err error) {
	switch t := t.(type) {
	case xml.StartElement:
		return false, c.start(t)
	case xml.EndElement:
		c.end()
		return len(c.stack) == 1, nil
	case xml.CharData:
		c.close()
		c.b = appendEscaped(c.b, string(t), "")
	case xml.Directive:
		return false, errDirective
	}
	return false, nil
}

func (c *canon) start(t xml.StartElement) error {
	if len(c.stack) > maxDepth {
		return errDepth
	}
	if strings.Contains(t.Name.Local, ":") {
		return errColon
	}
	c.close()
	c.b = append(append(c.b, '<'), t.Name.Local...)
	if t.Name.Space != c.stack[len(c.stack)-1].space {
		c.attr("xmlns", t.Name.Space)
	}
	n := 0
	for _, a := range t.Attr {
		switch {
		case strings.Contains(a.Name.Local, ":"):
			return errColon
		case isDeclaration(a):
		case a.Name.Space == "":
			c.attr(a.Name.Local, a.Value)
		case a.Name.Space == "xml" || a.Name.Space == "http://www.w3.org/XML/1998/namespace":
			c.attr("xml:"+a.Name.Local, a.Value)
		default:
			prefix := "ns" + strconv.Itoa(n)
			n++
			c.attr("xmlns:"+prefix, a.Name.Space)
			c.attr(prefix+":"+a.Name.Local, a.Value)
		}
	}
	c.open = true
	c.stack = append(c.stack, level{t.Name.Space, t.Name.Local})
	return nil
}

// isDeclaration reports whether a declares a namespace: the decoder has done what it says.
func isDeclaration(a xml.Attr) bool {
	return a.Name.Space == "xmlns" || a.Name.Space == "" && a.Name.Local == "xmlns"
}

func (c *canon) attr(name, value string) {
	c.b = append(append(append(c.b, ' '), name...), "='"...)
	c.b = append(appendEscaped(c.b, value, "'\t\n"), '\'')
}

// close ends a start tag.
func (c *canon) close() {
	if c.open {
		c.b = append(c.b, '>')
		c.open = false
	}
}

func (c *canon) end() {
	last := c.stack[len(c.stack)-1]
	c.stack = c.stack[:len(c.stack)-1]
	if c.open {
		c.b = append(c.b, "/>"...)
		c.open = false
		return
	}
	c.b = append(append(append(c.b, "</"...), last.local...), '>')
}

// appendEscaped writes text so that a reader gets it back as it is: also the bytes
// of more, and a carriage return, which a reader takes for a line end.
func appendEscaped(b []byte, s, more string) []byte {
	for i := range len(s) {
		switch ch := s[i]; {
		case ch == '&':
			b = append(b, "&amp;"...)
		case ch == '<':
			b = append(b, "&lt;"...)
		case ch == '>':
			b = append(b, "&gt;"...)
		case ch == '\r' || more != "" && strings.IndexByte(more, ch) >= 0:
			b = append(append(append(b, "&#"...), strconv.Itoa(int(ch))...), ';')
		default:
			b = append(b, ch)
		}
	}
	return b
}

// attrOf is the value of an attribute without a namespace.
func attrOf(t xml.StartElement, name string) (string, bool) {
	i := slices.IndexFunc(t.Attr, func(a xml.Attr) bool { return a.Name.Space == "" && a.Name.Local == name })
	if i < 0 {
		return "", false
	}
	return t.Attr[i].Value, true
}

// setAttr gives t an attribute in place of what it has under that name, or before all others.
func setAttr(t xml.StartElement, name, value string) xml.StartElement {
	a := xml.Attr{Name: xml.Name{Local: name}, Value: value}
	i := slices.IndexFunc(t.Attr, func(a xml.Attr) bool { return a.Name == xml.Name{Local: name} })
	if t.Attr = slices.Clone(t.Attr); i >= 0 {
		t.Attr[i] = a
	} else {
		t.Attr = slices.Insert(t.Attr, 0, a)
	}
	return t
}

// rewrite reads one element that is stored where space is the default namespace,
// and writes it where to is. fix, which may be nil, changes its start tag.
func rewrite(doc []byte, space, to string, fix func(xml.StartElement) (xml.StartElement, error)) ([]byte, error) {
	head := string(appendEscaped([]byte("<x xmlns='"), space, "'")) + "'>"
	dec := xml.NewDecoder(strings.NewReader(head + string(doc) + "</x>"))
	if _, err := dec.Token(); err != nil {
		return nil, err
	}
	c := newCanon(to)
	for {
		t, err := dec.Token()
		if err != nil {
			return nil, err
		}
		if st, ok := t.(xml.StartElement); ok && len(c.stack) == 1 && fix != nil {
			if st, err = fix(st); err != nil {
				return nil, err
			}
			t = st
		}
		if _, text := t.(xml.CharData); text && len(c.stack) == 1 {
			continue
		}
		if _, end := t.(xml.EndElement); end && len(c.stack) == 1 {
			return nil, errors.New("it holds no element")
		}
		if done, err := c.token(t); done || err != nil {
			return c.b, err
		}
	}
}
