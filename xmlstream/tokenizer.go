package xmlstream

// Event says what Next found.
type Event uint8

const (
	Open     Event = iota + 1 // the stream header: the start tag of the root
	Complete                  // one whole child element of the root
	Close                     // the end tag of the root
)

func (e Event) String() string {
	switch e {
	case Open:
		return "Open"
	case Complete:
		return "Complete"
	case Close:
		return "Close"
	}
	return "no event"
}

// Tokenizer cuts one XML stream into its header, its stanzas and its end. The zero value
// is ready for a stream with default limits. It is not safe for concurrent use.
//
// It is small and owns no buffers: while an element is partial or may still be looked at, it
// holds scratch from a pool, and it gives that back as soon as Next finds nothing more.
type Tokenizer struct {
	lim   *Limits
	hdr   *header // of the open stream
	doc   *doc    // scratch; nil when idle
	err   *SyntaxError
	off   int64 // bytes used since Reset
	phase phase
	part  bool // doc holds a partial element
}

// phase is where the stream stands between elements.
type phase uint8

const (
	atStart   phase = iota // nothing but white space has come: an XML declaration may
	inProlog               // the root must come
	inRoot                 // between the root's tags
	rootEmpty              // the header was an empty-element tag, of which "/>" still stands
	atEnd                  // behind the root
)

// Reset makes t ready for a new stream, as after STARTTLS and SASL (RFC 6120 §4.3.3). The
// limits are shared, not copied; nil means the defaults.
func (t *Tokenizer) Reset(l *Limits) {
	t.Release()
	*t = Tokenizer{lim: l}
}

// SetLimits changes the limits from the next call on. An element that is partial obeys the new
// ones in what is still to come.
func (t *Tokenizer) SetLimits(l *Limits) { t.lim = l }

// Release gives the scratch back; views of the last element end. It may be called at any
// time: if an element was partial, its kept bytes are scanned once more by the next Next.
func (t *Tokenizer) Release() {
	if t.doc != nil {
		putDoc(t.doc)
	}
	t.doc, t.part = nil, false
}

// Next returns the next event in buf, which starts where the last call's used bytes ended.
// The element is a view of buf and of the scratch: it is valid until the next call on t, or
// until buf is reused. For Open it is the root's start tag alone, for Close it is zero.
//
// ErrShort says that buf holds no more events: used bytes of it (white space between stanzas,
// an XML declaration) may go, the caller keeps the rest and calls again with
// the same bytes followed by more. They are not scanned again. A call with nothing to read also
// frees the scratch, so that a caller should call until ErrShort (or Release).
//
// Any other error is a *SyntaxError, which ends the stream: it is returned again until Reset.
func (t *Tokenizer) Next(buf []byte) (ev Event, el Element, used int, err error) {
	if t.err != nil {
		return 0, Element{}, 0, t.err
	}
	if !t.part {
		var more bool
		if ev, used, more = t.between(buf); !more {
			t.Release()
			if t.err != nil {
				return 0, Element{}, 0, t.err
			}
			t.off += int64(used)
			if ev != 0 {
				return ev, Element{}, used, nil
			}
			return 0, Element{}, used, ErrShort
		}
		t.start()
	}
	d := t.doc
	d.lim = t.lim.resolve()
	in := buf[used:]
	whole := len(in) < d.lim.MaxStanza
	if !whole {
		in = in[:d.lim.MaxStanza]
	}
	end, st := d.run(in)
	switch st {
	case stShort:
		if whole {
			t.off += int64(used)
			return 0, Element{}, used, ErrShort
		}
		d.fail(d.lim.MaxStanza, ErrStanzaTooBig, "")
		fallthrough
	case stFail:
		return 0, Element{}, 0, t.fail(used+d.failOffset, d.failErr, d.failWhy)
	}
	used += end
	t.off += int64(used)
	t.part = false
	ev, el = t.finish(d)
	return ev, el, used, nil
}

// start takes scratch for the element whose '<' comes next.
func (t *Tokenizer) start() {
	if t.doc == nil {
		t.doc = getDoc()
	}
	if t.phase == inRoot {
		t.doc.begin(t.hdr, inStream)
	} else {
		t.doc.begin(noHeader, inHeader)
	}
	t.part = true
}

// finish names the event that d holds.
func (t *Tokenizer) finish(d *doc) (Event, Element) {
	switch {
	case d.mode == inHeader:
		t.hdr = newHeader(d)
		t.phase = inRoot
		if d.emptyRoot {
			t.phase = rootEmpty
		}
		return Open, d.element(0)
	case len(d.nodes) == 0:
		t.phase, t.hdr = atEnd, nil
		t.Release()
		return Close, Element{}
	}
	return Complete, d.element(0)
}

// fail makes the error that t returns from here on; at counts from the last used byte.
func (t *Tokenizer) fail(at int, err error, why string) error {
	t.err = &SyntaxError{Offset: t.off + int64(at), Err: err, Why: why}
	t.Release()
	return t.err
}

// between reads what may stand between elements. It returns true when a '<' is next, after
// used bytes; else all that it can use is used, and either an event or t.err may be set.
func (t *Tokenizer) between(buf []byte) (ev Event, used int, more bool) {
	switch t.phase {
	case rootEmpty:
		if len(buf) < 2 {
			return 0, 0, false
		}
		t.phase, t.hdr = atEnd, nil
		return Close, 2, false // "/>", which Next has seen before
	case atStart, inProlog:
		var ok bool
		if used, ok = t.prolog(buf); !ok {
			return 0, used, false
		}
	}
	for used < len(buf) && class[buf[used]]&cSpace != 0 {
		used++
	}
	if used == len(buf) {
		return 0, used, false
	}
	c := buf[used]
	if c == '<' && t.phase != atEnd {
		return 0, used, true
	}
	if c >= 0x80 {
		switch _, v := wideRune(buf[used:]); v {
		case vShort:
			return 0, used, false
		case vUTF8: // a peer that writes UTF-16 starts like this (RFC 6120 §11.6)
			t.fail(used, ErrEncoding, "invalid UTF-8")
			return 0, 0, false
		}
	}
	switch {
	case t.phase == atEnd:
		t.fail(used, ErrNotWellFormed, "bytes after the end of the stream")
	case c < 0x20:
		t.fail(used, ErrNotWellFormed, "control character")
	case t.phase == inRoot:
		t.fail(used, ErrStrayText, "")
	default:
		t.fail(used, ErrNotWellFormed, "text before the stream header")
	}
	return 0, 0, false
}

// prolog reads white space and an XML declaration. It returns false when it needs more bytes or has failed. A byte
// order mark is text like any other (RFC 6120 §11.6), so that it is refused in front of the root.
//
// XML 1.0 §2.8 wants the declaration first. White space before it is let through all the
// same: it is what a peer sent behind the last element of the stream that this one replaces.
func (t *Tokenizer) prolog(buf []byte) (used int, ok bool) {
	if t.phase == inProlog {
		return 0, true
	}
	for used < len(buf) && class[buf[used]]&cSpace != 0 {
		used++
	}
	n, v := xmlDecl(buf[used:])
	switch v.err {
	case ErrShort:
		return used, false
	case nil:
		t.phase = inProlog
		return used + n, true
	}
	t.fail(used+n, v.err, v.why)
	return 0, false
}
