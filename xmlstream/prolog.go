package xmlstream

import "bytes"

// maxDecl bounds the XML declaration, in bytes. It is read again each time that more
// comes, and an honest one has 20 to 60.
const maxDecl = 256

// finding is the outcome of xmlDecl: err is nil, ErrShort or a sentinel.
type finding struct {
	err error
	why string
}

// xmlDecl reads an XML declaration (XML 1.0 §2.8 [23]) at the start of b and returns its length; 0
// when something else stands there, and the offset of the fault together with an error.
// A byte that is refused is refused no matter how many follow.
func xmlDecl(b []byte) (int, finding) {
	const intro = "<?xml"
	if n := min(len(b), len(intro)); string(b[:n]) != intro[:n] {
		return 0, finding{} // a processing instruction, too, is for the tokenizer to refuse
	}
	if len(b) <= len(intro) {
		return 0, finding{err: ErrShort}
	}
	if class[b[len(intro)]]&cSpace == 0 {
		return 0, finding{} // a target that only begins with "xml"
	}
	s := declScan{b: b[:min(len(b), maxDecl)], p: len(intro)}
	f := s.scan()
	if f.err == ErrShort && len(b) >= maxDecl {
		return maxDecl, finding{ErrStanzaTooBig, "XML declaration"}
	}
	return s.p, f
}

// declScan walks through an XML declaration behind "<?xml".
type declScan struct {
	b []byte
	p int
}

// declParts are the pseudo-attributes in the order that [23] demands.
var declParts = [...]struct {
	name  string
	check func(v []byte) error
}{
	{"version", checkVersion},
	{"encoding", checkEncoding},
	{"standalone", checkStandalone},
}

func (s *declScan) scan() finding {
	bad := finding{ErrNotWellFormed, "XML declaration"}
	next := 0 // of declParts
	for {
		spaces := s.spaces()
		if s.p == len(s.b) {
			return finding{err: ErrShort}
		}
		if s.b[s.p] == '?' {
			if next == 0 { // VersionInfo is not optional
				return bad
			}
			return s.literal("?>")
		}
		for next < len(declParts) && s.b[s.p] != declParts[next].name[0] {
			if next == 0 {
				return bad
			}
			next++
		}
		if spaces == 0 || next == len(declParts) {
			return bad
		}
		if f := s.part(next); f.err != nil {
			return f
		}
		next++
	}
}

// part reads name Eq quoted value.
func (s *declScan) part(i int) finding {
	if f := s.literal(declParts[i].name); f.err != nil {
		return f
	}
	s.spaces()
	if f := s.literal("="); f.err != nil {
		return f
	}
	s.spaces()
	if s.p == len(s.b) {
		return finding{err: ErrShort}
	}
	q := s.b[s.p]
	if q != '\'' && q != '"' {
		return finding{ErrNotWellFormed, "XML declaration"}
	}
	n := bytes.IndexByte(s.b[s.p+1:], q)
	if n < 0 {
		return finding{err: ErrShort}
	}
	if err := declParts[i].check(s.b[s.p+1:][:n]); err != nil {
		return finding{err, "XML declaration, " + declParts[i].name}
	}
	s.p += n + 2
	return finding{}
}

func (s *declScan) spaces() int {
	from := s.p
	for s.p < len(s.b) && class[s.b[s.p]]&cSpace != 0 {
		s.p++
	}
	return s.p - from
}

func (s *declScan) literal(want string) finding {
	n := min(len(s.b)-s.p, len(want))
	switch {
	case string(s.b[s.p:][:n]) != want[:n]:
		return finding{ErrNotWellFormed, "XML declaration"}
	case n < len(want):
		return finding{err: ErrShort}
	}
	s.p += n
	return finding{}
}

// checkVersion takes what XML 1.0 (fifth edition) §2.8 [26] takes: '1.' and digits.
func checkVersion(v []byte) error {
	if len(v) < 3 || string(v[:2]) != "1." {
		return ErrNotWellFormed
	}
	for _, c := range v[2:] {
		if c < '0' || c > '9' {
			return ErrNotWellFormed
		}
	}
	return nil
}

// checkEncoding: RFC 6120 §11.6, UTF-8 alone; names are compared without case (XML 1.0 §4.3.3).
func checkEncoding(v []byte) error {
	if !bytes.EqualFold(v, []byte("UTF-8")) {
		return ErrEncoding
	}
	return nil
}

// checkStandalone: RFC 6120 §11.5 lets a receiver ignore what it says.
func checkStandalone(v []byte) error {
	if string(v) != "yes" && string(v) != "no" {
		return ErrNotWellFormed
	}
	return nil
}
