package xep0227

import (
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// defaultMaxUser is that of ImportOptions.MaxUser.
const defaultMaxUser = 16 << 20

// ErrElsewhere is what a function of ImportOptions gives for data that is not kept
// here: it is counted as left out.
var ErrElsewhere = errors.New("it is not kept here")

// ImportOptions say what becomes of what is read. Many goroutines call the
// functions at once, but never two for one user. An error of theirs is a
// problem of that user (see Fatal). What a nil function would take is left out.
type ImportOptions struct {
	// Owner checks the address of a user; nil takes every account.
	Owner       func(string) (jid.JID, error)
	Credentials func(owner jid.JID, c rosterdb.Credentials) error
	Roster      func(owner jid.JID, r *rosterdb.Roster) error
	// Offline takes the messages that wait, oldest first, as they are to be stored.
	Offline func(owner jid.JID, stanzas [][]byte) error
	// Document takes a vCard or private XML under its namespace.
	Document func(owner jid.JID, namespace string, doc []byte) error
	// MaxUser bounds what one user may take in a file, in bytes, default 16 MiB; also what stands
	// between two users. More is refused before it is held.
	MaxUser int
	// Fatal reports whether an error of these ends the import, as that of a full disk does; nil: none does.
	Fatal func(error) bool
}

// SyntaxError says where a file is no XML, or not of this format. What stood
// before that place has been imported.
type SyntaxError struct {
	Pos Pos
	Err error
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("%s: %v", e.Pos, e.Err) }
func (e *SyntaxError) Unwrap() error { return e.Err }

var (
	errDirective = errors.New("a document type is not taken; remove it")
	errInclude   = errors.New("XInclude is not followed; make one file of them first: xmllint --xinclude FILE")
	errEmpty     = errors.New("the file is empty")
	errTooLong   = errors.New("too long for one user")
	errCut       = errors.New("the file ends in the middle")
)

// Import reads a document and stores it. What is wrong with one user is left out
// and told in the report; an error ends it: a *SyntaxError, that of ctx, of in, or a
// fatal one. All may be imported again: the same users are replaced.
func Import(ctx context.Context, in io.Reader, o ImportOptions) (Report, error) {
	if o.MaxUser == 0 {
		o.MaxUser = defaultMaxUser
	}
	b := &budget{in: in, left: o.MaxUser}
	im := &importer{ctx: ctx, o: &o, in: b, dec: xml.NewDecoder(b)}
	im.store = newStorer(&o)
	err := im.document()
	if err != nil {
		im.store.forget(err)
	}
	stored, fatal := im.store.end()
	r := im.report
	r.add(&stored)
	r.sort()
	if fatal != nil {
		return r, fatal
	}
	return r, err
}

// budget ends reading when somebody takes too much.
type budget struct {
	in   io.Reader
	left int // bytes till it is too much
}

func (b *budget) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errTooLong
	}
	n, err := b.in.Read(p[:min(len(p), b.left)])
	b.left -= n
	return n, err
}

// importer reads; a storer stores.
type importer struct {
	ctx    context.Context
	o      *ImportOptions
	in     *budget
	dec    *xml.Decoder
	at     Pos // where the last token begins
	depth  int // elements that are open
	host   string
	report Report
	store  *storer
}

// next reads a token; it is valid until the next one.
func (im *importer) next() (xml.Token, error) {
	line, column := im.dec.InputPos()
	im.at = Pos{line, column}
	t, err := im.dec.Token()
	switch t.(type) {
	case xml.StartElement:
		if im.depth++; im.depth > maxDepth+3 { // server-data, host and user are around a document
			return nil, im.bad(errDepth)
		}
	case xml.EndElement:
		im.depth--
	}
	if err == nil {
		return t, nil
	}
	if se, ok := errors.AsType[*xml.SyntaxError](err); ok {
		line, column = im.dec.InputPos()
		if err = errors.New(se.Msg); se.Msg == "unexpected EOF" {
			err = errCut
		}
		return nil, &SyntaxError{Pos{line, column}, err}
	}
	if errors.Is(err, errTooLong) {
		return nil, im.tooLong()
	}
	return nil, err // of the reader; io.EOF only outside of all elements
}

func (im *importer) tooLong() error {
	return im.bad(fmt.Errorf("%w: more than %d bytes", errTooLong, im.o.MaxUser))
}

// document reads all: <server-data/> (§3).
func (im *importer) document() error {
	for {
		t, err := im.next()
		if errors.Is(err, io.EOF) {
			return &SyntaxError{im.at, errEmpty}
		}
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.Directive:
			return im.bad(errDirective)
		case xml.StartElement:
			if t.Name != (xml.Name{Space: nsPie, Local: "server-data"}) {
				return im.bad(fmt.Errorf("the file begins with <%s xmlns='%s'> and not with <server-data xmlns='%s'>", t.Name.Local, t.Name.Space, nsPie))
			}
			if err := im.children(t, im.serverData); err != nil {
				return err
			}
			return im.after()
		}
	}
}

// after makes sure that nothing follows but comments.
func (im *importer) after() error {
	for {
		t, err := im.next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if _, ok := t.(xml.StartElement); ok {
			return im.bad(errors.New("a second document follows"))
		}
	}
}

func (im *importer) bad(err error) error { return &SyntaxError{im.at, err} }

// children calls fn for every child of the element whose start tag was read, and
// reads its end. fn reads to the end of the child.
func (im *importer) children(parent xml.StartElement, fn func(xml.StartElement) error) error {
	for {
		t, err := im.next()
		if err != nil {
			return err
		}
		switch t := t.(type) {
		case xml.Directive:
			return im.bad(errDirective)
		case xml.CharData:
			if len(spaceOff(t)) > 0 {
				im.report.leave("text in <"+parent.Name.Local+">", im.at)
			}
		case xml.EndElement:
			return nil
		case xml.StartElement:
			if t.Name.Space == nsInclude {
				return im.bad(errInclude)
			}
			if err := fn(t); err != nil {
				return err
			}
		}
	}
}

// skip reads to the end of an element that is not known, and counts it.
func (im *importer) skip(t xml.StartElement) error {
	what := "<" + t.Name.Local
	if t.Name.Space != nsPie {
		what += " xmlns='" + t.Name.Space + "'"
	}
	if mech, ok := attrOf(t, "mechanism"); ok {
		what += " mechanism='" + mech + "'"
	}
	im.report.leave(clip(what+"/>"), im.at)
	return im.pass()
}

// pass reads to the end of an element.
func (im *importer) pass() error {
	for outside := im.depth - 1; im.depth > outside; {
		im.in.left = im.o.MaxUser // nothing of it is held
		t, err := im.next()
		if err != nil {
			return err
		}
		if _, ok := t.(xml.Directive); ok {
			return im.bad(errDirective)
		}
	}
	return nil
}

func (im *importer) serverData(t xml.StartElement) error {
	if t.Name != (xml.Name{Space: nsPie, Local: "host"}) {
		return im.skip(t)
	}
	im.host, _ = attrOf(t, "jid") // §3.1
	return im.children(t, im.hostChild)
}

func (im *importer) hostChild(t xml.StartElement) error {
	im.in.left = im.o.MaxUser
	if im.ctx.Err() != nil {
		return context.Cause(im.ctx)
	}
	if t.Name != (xml.Name{Space: nsPie, Local: "user"}) {
		return im.skip(t)
	}
	name, _ := attrOf(t, "name") // §3.2
	u := &user{im: im, at: im.at}
	var err error
	if u.owner, err = im.owner(name + "@" + im.host); err != nil {
		im.report.wrong(Problem{Pos: im.at, What: err.Error()})
		return im.pass()
	}
	if err := u.read(t); err != nil {
		return err
	}
	return im.store.add(u)
}

func (im *importer) owner(addr string) (jid.JID, error) {
	if im.o.Owner != nil {
		return im.o.Owner(addr)
	}
	j, err := jid.Parse(addr)
	if err == nil && (!j.IsBare() || j.Local() == "") {
		err = fmt.Errorf("%q is not an account", addr)
	}
	return j, err
}
