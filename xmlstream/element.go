package xmlstream

import "iter"

// Element is a small value that looks at one element of a parsed stanza.
type Element struct {
	d   *doc
	i   int32
	gen uint32
}

// Attr is one attribute, its value normalised. Namespace declarations are not attributes.
type Attr struct{ Space, Local, Value []byte }

type doc struct{}

func (e Element) IsZero() bool                              { return e.d == nil }
func (e Element) Local() []byte                             { return nil }
func (e Element) Prefix() []byte                            { return nil }
func (e Element) Space() []byte                             { return nil }
func (e Element) Is(space, local string) bool               { return false }
func (e Element) Attr(local string) ([]byte, bool)          { return nil, false }
func (e Element) AttrNS(space, local string) ([]byte, bool) { return nil, false }
func (e Element) Attrs() iter.Seq[Attr]                     { return func(func(Attr) bool) {} }
func (e Element) Children() iter.Seq[Element]               { return func(func(Element) bool) {} }
func (e Element) First() Element                            { return Element{} }
func (e Element) Child(space, local string) Element         { return Element{} }
func (e Element) Text() []byte                              { return nil }
func (e Element) AppendText(dst []byte) []byte              { return dst }
func (e Element) Raw() []byte                               { return nil }
func (e Element) Inner() []byte                             { return nil }
func (e Element) AppendDecls(dst []byte) []byte             { return dst }
func (e Element) Lang() []byte                              { return nil }
func (e Element) Clone() Element                            { return e }
func ParseElement(b []byte, l *Limits) (Element, error)     { return Element{}, ErrShort }
