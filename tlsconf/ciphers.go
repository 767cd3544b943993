package tlsconf

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
)

// maxCipherString bounds the length of a cipher string in bytes; the longest sensible one names every
// suite once.
const maxCipherString = 16384

// ParseCiphers maps a cipher string in OpenSSL's form (openssl-ciphers(1)) onto the suites of crypto/tls.
// Words are joined by ':', ',' or blanks; a word may combine keywords with '+' (ECDHE+AESGCM) and carry an
// operator: '!' removes for good, '-' removes until named again, '+' moves to the end, which crypto/tls,
// having an order of its own, ignores; so is @STRENGTH. @SECLEVEL=n removes what is too weak for level n.
// Names that OpenSSL knows and crypto/tls lacks choose nothing. An unknown word, and a string that chooses
// no suite at all, is an *Error.
//
// DEFAULT, and the empty string, mean what crypto/tls offers by itself: unlike OpenSSL's, no suites without
// forward secrecy. The result is in the order of strength; suites of TLS 1.3 stand in it when the string names them,
// although crypto/tls always offers all of them.
func ParseCiphers(s string) ([]uint16, error) {
	cs, err := parseCiphers(s)
	if err != nil {
		return nil, err
	}
	return append(cs.tls12, cs.tls13...), nil
}

// cipherSet is what a cipher string chose, and what the operator should know about it.
type cipherSet struct {
	tls12, tls13 []uint16
	notes        []string
}

// cipherParser holds the state of one cipher string; its slices run parallel to suites.
type cipherParser struct {
	in, dead []bool
	set13    []uint16
	idle     []string // words that chose nothing because crypto/tls lacks it
	order    bool     // the string tried to set an order
	level    int
}

func parseCiphers(s string) (*cipherSet, error) {
	if len(s) > maxCipherString {
		return nil, &Error{Option: optCiphers, Value: s[:32] + "…",
			Why: fmt.Sprintf("the cipher string has %d bytes, the limit is %d", len(s), maxCipherString)}
	}
	words := strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(":, \t\r\n;", r) })
	if len(words) == 0 {
		words = []string{"DEFAULT"}
	}
	p := &cipherParser{in: make([]bool, len(suites)), dead: make([]bool, len(suites))}
	for _, w := range words {
		// DEFAULT@SECLEVEL=2 is one word to the eye and two to OpenSSL.
		word, command, found := strings.Cut(w, "@")
		if word != "" {
			if err := p.word(word); err != nil {
				return nil, err
			}
		}
		if found {
			if err := p.command(command); err != nil {
				return nil, err
			}
		}
	}
	return p.result(s)
}

// word applies one word with its operator.
func (p *cipherParser) word(w string) error {
	op, name := byte(0), w
	if strings.IndexByte("!-+", w[0]) >= 0 {
		op, name = w[0], w[1:]
	}
	hit := make([]bool, len(suites))
	for i := range hit {
		hit[i] = true
	}
	chosen13, known := []uint16(nil), true
	for part := range strings.SplitSeq(name, "+") {
		one, id13, ok, err := lookup(part, w)
		if err != nil {
			return err
		}
		known = known && ok
		if id13 != 0 {
			chosen13 = append(chosen13, id13)
		}
		for i := range hit {
			hit[i] = hit[i] && one[i]
		}
	}
	if op == 0 && !known {
		p.idle = append(p.idle, name)
	}
	p.order = p.order || op == '+'
	if op == 0 {
		p.set13 = append(p.set13, chosen13...)
	}
	for i, h := range hit {
		switch {
		case !h:
		case op == '!':
			p.in[i], p.dead[i] = false, true
		case op == '-':
			p.in[i] = false
		case op == 0 && !p.dead[i]:
			p.in[i] = true
		}
	}
	return nil
}

// lookup returns which suites the name chooses, or the suite of TLS 1.3 it is; ok is false for a name that
// crypto/tls has nothing for.
func lookup(name, word string) (hit []bool, id13 uint16, ok bool, err error) {
	hit = make([]bool, len(suites))
	if a, found := keywords[name]; found {
		for i, s := range suites {
			hit[i] = s.attr&a != 0
		}
		return hit, 0, true, nil
	}
	if name == "COMPLEMENTOFDEFAULT" {
		for i, s := range suites {
			hit[i] = s.attr&byDefault == 0
		}
		return hit, 0, true, nil
	}
	for i, s := range suites {
		if name == s.name || name == tls.CipherSuiteName(s.id) {
			hit[i] = true
			return hit, 0, true, nil
		}
	}
	for _, s := range suites13 {
		if name == s.name {
			return hit, s.id, true, nil
		}
	}
	if name != "" && (strings.Contains(fold(lackingKeywords), " "+name+" ") || strings.Contains(fold(lackingSuites), " "+name+" ")) {
		return hit, 0, false, nil
	}
	return nil, 0, false, unknownCipher(name, word)
}

// fold makes the line ends of a word list blanks.
func fold(list string) string { return strings.ReplaceAll(list, "\n", " ") }

// command applies @STRENGTH or @SECLEVEL=n.
func (p *cipherParser) command(c string) error {
	if c == "STRENGTH" {
		p.order = true
		return nil
	}
	if n, ok := strings.CutPrefix(c, "SECLEVEL="); ok && len(n) == 1 && n[0] >= '0' && n[0] <= '5' {
		p.level = int(n[0] - '0')
		return nil
	}
	return &Error{Option: optCiphers, Value: "@" + c, Why: "no such command",
		Do: "@STRENGTH and @SECLEVEL=0 to @SECLEVEL=5 exist"}
}

// allowed applies the security level after SSL_CTX_set_security_level(3): 3 wants forward secrecy, 4 also
// 192 bits and no SHA-1, 5 means 256 bits.
func allowed(a attr, level int) bool {
	switch {
	case level >= 3 && a&kECDHE == 0:
		return false
	case level >= 4 && (a&mSHA1 != 0 || a&(eAES256|eCHACHA20) == 0):
		return false
	}
	return true
}

func (p *cipherParser) result(s string) (*cipherSet, error) {
	cs := &cipherSet{}
	for i, in := range p.in {
		if in && allowed(suites[i].attr, p.level) {
			cs.tls12 = append(cs.tls12, suites[i].id)
		}
	}
	slices.Sort(p.set13)
	cs.tls13 = slices.Compact(p.set13)
	if len(cs.tls12)+len(cs.tls13) == 0 {
		return nil, &Error{Option: optCiphers, Value: s, Why: "no cipher suite is left",
			Do: "name at least one that is offered here, such as DEFAULT or ECDHE+AESGCM"}
	}
	if len(p.idle) > 0 {
		cs.notes = append(cs.notes, fmt.Sprintf("tls_ciphers: %s choose nothing here", strings.Join(p.idle, ", ")))
	}
	if p.order {
		cs.notes = append(cs.notes, "tls_ciphers: the order of suites is not configurable; '+' and @STRENGTH have no effect")
	}
	switch {
	case len(cs.tls12) == 0:
		cs.notes = append(cs.notes, "tls_ciphers: only suites of TLS 1.3 are named, so TLS 1.2 is off")
	case len(cs.tls13) > 0 && len(cs.tls13) < len(suites13):
		cs.notes = append(cs.notes, "tls_ciphers: the suites of TLS 1.3 are fixed; all three are offered")
	}
	return cs, nil
}

// unknownCipher names the word and the nearest known one.
func unknownCipher(name, word string) *Error {
	e := &Error{Option: optCiphers, Value: word, Why: "no such cipher or keyword"}
	if name != word && name != "" {
		e.Why = fmt.Sprintf("no cipher or keyword %q", name)
	}
	if name == "" {
		e.Why, e.Do = "an empty name", "write a cipher or a keyword after the operator"
		return e
	}
	if near := nearest(name); near != "" {
		e.Do = fmt.Sprintf("did you mean %q?", near)
	} else {
		e.Do = "openssl-ciphers(1) lists the names"
	}
	return e
}

// nearest returns the known name closest to name, or "" when none is close.
func nearest(name string) string {
	if len(name) > 64 {
		return ""
	}
	var all []string
	for _, s := range suites {
		all = append(all, s.name)
	}
	for _, s := range suites13 {
		all = append(all, s.name)
	}
	for k := range keywords {
		all = append(all, k)
	}
	slices.Sort(all) // the map has no order, the answer must
	all = append(all, strings.Fields(lackingKeywords)...)
	best, least := "", max(len(name)/3, 1)+1
	for _, k := range all {
		if d := distance(strings.ToUpper(name), strings.ToUpper(k)); d < least {
			best, least = k, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of neighbours that make b of a; both are short.
func distance(a, b string) int {
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := range len(a) {
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(last[j+1]+1, row[j]+1, last[j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
