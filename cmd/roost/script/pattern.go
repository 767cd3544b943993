package script

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// A pattern is what a script expects: a tree like the one that must come, with marks.
type pattern struct {
	kind     kind
	n        *node
	kids     []*pattern
	anyAttrs bool // "..." in the start tag: more attributes may stand there
	anyKids  bool // "..." in the content: more children, in any order
	anyOrder bool // "(any order)" in the content: exactly these children
	not      bool // "!" in front: no child may match
}

const (
	markAny   = "..."
	markOrder = "(any order)"
	anyAttr   = "script-any"
	openAttr  = "script-open"
	closeTag  = "script-close"
)

// prefixes may be used in patterns without a declaration.
const patternRoot = "<root xmlns='" + nsClient + "' xmlns:stream='" + nsStream + "' xmlns:e='" + nsStzErr +
	"' xmlns:se='" + nsStrErr + "' xmlns:sasl='" + nsSASL + "' xmlns:tls='" + nsTLS + "' xmlns:bind='" + nsBind + "' xmlns:db='" + nsDialback + "'>"

// parsePatterns reads a sequence of patterns.
func parsePatterns(text string) ([]*pattern, error) {
	prepared, err := prepare(text)
	if err != nil {
		return nil, err
	}
	r := newReader(strings.NewReader(patternRoot + prepared + "</root>"))
	if _, err := r.next(); err != nil {
		return nil, err
	}
	var out []*pattern
	for {
		it, err := r.next()
		switch {
		case errors.Is(err, io.EOF), err == nil && it.kind == closed:
			if len(out) == 0 {
				return nil, errors.New("an element is expected here")
			}
			return out, nil
		case err != nil:
			return nil, fmt.Errorf("pattern: %w", err)
		}
		out = append(out, newPattern(it.node))
	}
}

// prepare makes XML of a pattern: it turns the marks inside of tags into attributes, and the two
// tags that stand alone, those of the stream, into elements.
func prepare(text string) (string, error) {
	var b strings.Builder
	for text != "" {
		i := strings.IndexByte(text, '<')
		if i < 0 {
			b.WriteString(text)
			break
		}
		b.WriteString(text[:i])
		n, err := tagLen(text[i:])
		if err != nil {
			return "", err
		}
		b.WriteString(prepareTag(text[i : i+n]))
		text = text[i+n:]
	}
	return b.String(), nil
}

// tagLen is the length of the tag at the front of s, quotes respected.
func tagLen(s string) (int, error) {
	quote := byte(0)
	for i := range len(s) {
		switch c := s[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '>':
			return i + 1, nil
		}
	}
	return 0, fmt.Errorf("no end of the tag %.40q", s)
}

func prepareTag(tag string) string {
	switch {
	case tag == "</stream:stream>":
		return "<" + closeTag + "/>"
	case strings.HasPrefix(tag, "<?"):
		return ""
	case strings.HasPrefix(tag, "</"):
		return tag
	}
	body, tail := strings.TrimSuffix(tag, ">"), ">"
	if rest, ok := strings.CutSuffix(body, "/"); ok {
		body, tail = rest, "/>"
	}
	if rest, ok := strings.CutSuffix(strings.TrimSpace(body), markAny); ok {
		body = rest + " " + anyAttr + "='1'"
	}
	if strings.HasPrefix(body, "<stream:stream") && tail == ">" {
		return body + " " + openAttr + "='1'/>"
	}
	return body + tail
}

func newPattern(n *node) *pattern {
	p := &pattern{n: n}
	if n.local == closeTag {
		p.kind = closed
		return p
	}
	take := func(local string) bool {
		_, ok := n.attrs[name{"", local}]
		delete(n.attrs, name{"", local})
		return ok
	}
	p.anyAttrs = take(anyAttr)
	if take(openAttr) {
		p.kind = opened
	}
	for i, lead := range n.lead {
		lead = strings.TrimSpace(lead)
		p.anyKids = p.anyKids || strings.Contains(lead, markAny)
		p.anyOrder = p.anyOrder || strings.Contains(lead, markOrder)
		if i < len(n.kids) {
			k := newPattern(n.kids[i])
			k.not = strings.HasSuffix(lead, "!")
			p.kids = append(p.kids, k)
		}
	}
	if len(n.kids) > 0 || p.anyKids {
		for _, mark := range []string{markAny, markOrder, "!"} {
			n.text = strings.ReplaceAll(n.text, mark, "")
		}
	}
	return p
}

// match compares an item with the pattern. The error says where they part; v is changed only when
// they do not.
func (p *pattern) match(it item, v vars) error {
	if p.kind != it.kind {
		return fmt.Errorf("want %s, got %s", p.kind, it.kind)
	}
	if p.kind == closed {
		return nil
	}
	if p.kind == opened {
		for prefix, uri := range p.n.decls {
			if got := it.decls[prefix]; got != uri {
				return fmt.Errorf("header: xmlns:%s is %q, want %q", prefix, got, uri)
			}
		}
	}
	trial := maps.Clone(v)
	if err := p.tree(it.node, trial); err != nil {
		return err
	}
	maps.Copy(v, trial)
	return nil
}

func (k kind) String() string {
	return [...]string{"an element", "a stream header", "</stream:stream>"}[k]
}

// tree compares one element and what is below it.
func (p *pattern) tree(n *node, v vars) error {
	if p.n.name != n.name {
		return fmt.Errorf("element %v, want %v", n.name, p.n.name)
	}
	if err := p.attrs(n, v); err != nil {
		return err
	}
	want, got := p.n.text, n.text
	if len(p.kids) > 0 || p.anyKids || len(n.kids) > 0 {
		want, got = strings.TrimSpace(want), strings.TrimSpace(got)
	}
	if !(p.anyKids && want == "") && !v.matches(want, got) {
		return fmt.Errorf("<%s>: text %q, want %q", n.local, got, want)
	}
	if err := p.content(n, v); err != nil {
		return fmt.Errorf("<%s>: %w", n.local, err)
	}
	return nil
}

func (p *pattern) attrs(n *node, v vars) error {
	for at, want := range p.n.attrs {
		got, ok := n.attrs[at]
		if !ok {
			return fmt.Errorf("<%s>: no attribute %v, want %q", n.local, at, want)
		}
		if !v.matches(want, got) {
			return fmt.Errorf("<%s>: %v is %q, want %q", n.local, at, got, want)
		}
	}
	if p.anyAttrs {
		return nil
	}
	for at, got := range n.attrs {
		if _, ok := p.n.attrs[at]; !ok {
			return fmt.Errorf("<%s>: attribute %v=%q is not expected", n.local, at, got)
		}
	}
	return nil
}

// content compares the children: one by one, or as a set when the pattern says so.
func (p *pattern) content(n *node, v vars) error {
	var want []*pattern
	for _, k := range p.kids {
		if !k.not {
			want = append(want, k)
			continue
		}
		for _, got := range n.kids {
			if k.tree(got, maps.Clone(v)) == nil {
				return fmt.Errorf("child %v must not be there", got.name)
			}
		}
	}
	if p.anyKids || p.anyOrder {
		if !p.anyKids && len(n.kids) != len(want) {
			return fmt.Errorf("%d children, want %d", len(n.kids), len(want))
		}
		return assign(want, n.kids, v)
	}
	for i, k := range want {
		if i >= len(n.kids) {
			return fmt.Errorf("no child %v", k.n.name)
		}
		if err := k.tree(n.kids[i], v); err != nil {
			return err
		}
	}
	if len(n.kids) > len(want) {
		return fmt.Errorf("child %v is not expected", n.kids[len(want)].name)
	}
	return nil
}

// assign finds a different node for every pattern; it tries all ways, since a capture may decide.
func assign(want []*pattern, have []*node, v vars) error {
	if len(want) == 0 {
		return nil
	}
	err := fmt.Errorf("no child %v", want[0].n.name)
	for i, n := range have {
		trial := maps.Clone(v)
		if e := want[0].tree(n, trial); e != nil {
			if n.name == want[0].n.name {
				err = e
			}
			continue
		}
		rest := slices.Delete(slices.Clone(have), i, i+1)
		if e := assign(want[1:], rest, trial); e != nil {
			err = e
			continue
		}
		maps.Copy(v, trial)
		return nil
	}
	return err
}
