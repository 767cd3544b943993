package ecconf

import "strings"

// MaxNesting bounds how deep stanzas, lists and dictionaries nest.
const MaxNesting = 32

// elision is what printed samples write for lines left out.
const elision = "..."

// Parse reads one source text called name. Includes are left in the result as
// items. The document is usable (what could be read is in it) even when the
// error, an [Errors], is not nil.
func Parse(name string, src []byte) (*Document, error) {
	doc, errs := parse(name, string(src))
	return doc, errs.Sorted(doc.Files).Err()
}

func parse(name, src string) (*Document, Errors) {
	p := &parser{file: name}
	p.toks = lex(name, src, &p.errs)
	doc := &Document{Files: []File{{Path: name}}}
	doc.Items, doc.Damaged = p.items(nil)
	doc.Warnings = p.warns
	return doc, p.errs
}

// parser is a recursive descent over the tokens of one file. After a mistake
// it goes on at the next statement (see recover).
type parser struct {
	file  string
	toks  []token
	i     int
	depth int
	errs  Errors
	warns Errors
}

// peek returns the token n places ahead; past the end it is tokEOF.
func (p *parser) peek(n int) token { return p.toks[min(p.i+n, len(p.toks)-1)] }

func (p *parser) next() token {
	t := p.peek(0)
	if t.kind != tokEOF {
		p.i++
	}
	return t
}

func (p *parser) at(t token) Pos { return Pos{p.file, t.line, t.col} }

// items reads statements up to the brace that closes the stanza whose opening
// brace is open, or to the end of the file when open is nil.
func (p *parser) items(open *token) (items []*Item, damaged bool) {
	for {
		switch t := p.peek(0); t.kind {
		case tokEOF:
			if open != nil {
				p.errs.Addf(p.at(*open), "the { that opens here is never closed: } is missing")
				return items, true
			}
			return items, damaged
		case tokRBrace:
			p.next()
			if open != nil {
				return items, damaged
			}
			p.errs.Addf(p.at(t), "} closes nothing: no stanza is open here")
		case tokWord:
			it, ok := p.statement()
			if it != nil {
				items = append(items, it)
			}
			if !ok {
				damaged = true
				p.recover()
			}
		default:
			p.errs.Addf(p.at(t), "%s stands where the name of an option or a stanza was expected", t)
			p.next()
			damaged = true
			p.recover()
		}
	}
}

// recover skips to where the next statement seems to start: a word that is
// the first on its line, or the brace that closes the stanza around.
func (p *parser) recover() {
	for depth := 0; ; p.next() {
		switch t := p.peek(0); t.kind {
		case tokEOF:
			return
		case tokLBrace, tokLBracket, tokLParen:
			depth++
		case tokRBracket, tokRParen:
			depth = max(depth-1, 0)
		case tokRBrace:
			if depth == 0 {
				return
			}
			depth--
		case tokWord:
			if depth == 0 && t.first {
				return
			}
		}
	}
}

// statement reads one statement that begins with a word. ok is false when
// the caller has to recover; what was understood comes back all the same.
func (p *parser) statement() (it *Item, ok bool) {
	name := p.next()
	if name.text == elision {
		p.warns.Addf(p.at(name), "... stands for lines that were left out; nothing is set by it")
		return nil, true
	}
	it = &Item{Pos: p.at(name), Name: name.text}
	if k, isInclude := includeWords[lower(name.text)]; isInclude {
		return p.include(it, k)
	}
	switch t := p.peek(0); t.kind {
	case tokLBrace:
		return p.stanza(it)
	case tokLBracket, tokLParen:
		return p.option(it)
	case tokEqual:
		p.next()
		if p.peek(0).kind == tokLBrace {
			return p.stanza(it)
		}
		return p.option(it)
	case tokWord, tokString:
		return p.named(it)
	default:
		p.errs.Addf(it.Pos, "%s has neither a value nor a body: write %s = … or %s { … }%s", quote(it.Name), it.Name, it.Name, hashHint(name))
		return nil, t.kind == tokRBrace || t.kind == tokEOF
	}
}

// named reads a stanza with an instance name, after its scope name.
func (p *parser) named(it *Item) (*Item, bool) {
	inst := p.peek(0)
	brace := 1
	if p.peek(1).kind == tokEqual && p.peek(2).kind == tokLBrace {
		brace = 2
	}
	if p.peek(brace).kind == tokLBrace {
		it.Named, it.Instance, it.InstancePos = true, inst.text, p.at(inst)
		p.i += brace
		return p.stanza(it)
	}
	if inst.kind == tokWord && inst.first { // the statement ends with its line
		p.errs.Addf(it.Pos, "%s has neither a value nor a body: write %s = … or %s { … }%s", quote(it.Name), it.Name, it.Name, hashHint(p.toks[p.i-1]))
		return nil, false
	}
	p.errs.Addf(p.at(inst), "= is missing between %s and %s (or a { after it, if %s is a stanza)", it.Name, inst, it.Name)
	p.next()
	return nil, false
}

// hashHint explains a statement that lost its second half to a comment, as in
// domain #xmpp#example.org {.
func hashHint(t token) string {
	if len(t.after) > 1 && strings.Contains(t.after[1:], "#") {
		return `; a name that begins with # must be quoted, else it is a comment`
	}
	return ""
}

// stanza reads a body; the next token is its opening brace.
func (p *parser) stanza(it *Item) (*Item, bool) {
	open := p.next()
	it.Kind = StanzaItem
	if p.depth++; p.depth > MaxNesting {
		p.depth--
		p.errs.Addf(p.at(open), "stanzas nest deeper than %d levels", MaxNesting)
		p.i-- // recover skips the whole body
		return nil, false
	}
	it.Items, it.Damaged = p.items(&open)
	p.depth--
	return it, true
}

// option reads the value of an option; the next token is the value.
func (p *parser) option(it *Item) (*Item, bool) {
	it.Kind = OptionItem
	v, ok := p.value(it.Name)
	if !ok {
		return nil, false
	}
	it.Value = v
	if t := p.peek(0); t.kind != tokEOF && t.kind != tokRBrace && !t.first {
		if t.kind == tokWord && p.startsStatement(0) {
			return it, true // several statements on one line
		}
		p.errs.Addf(p.at(t), "%s stands after the value of %s: quote a value that holds white space, and put ( … ) around a list", t, it.Name)
		p.next()
		return it, false
	}
	return it, true
}

// startsStatement reports whether the word n tokens ahead begins a statement.
func (p *parser) startsStatement(n int) bool {
	if _, isInclude := includeWords[lower(p.peek(n).text)]; isInclude {
		return p.peek(n+1).kind == tokString || p.peek(n+1).kind == tokWord
	}
	switch p.peek(n + 1).kind {
	case tokEqual, tokLBrace, tokLBracket, tokLParen:
		return true
	case tokWord, tokString:
		k := p.peek(n + 2).kind
		return k == tokLBrace || k == tokEqual && p.peek(n+3).kind == tokLBrace
	}
	return false
}

func lower(s string) string { return strings.ToLower(s) }
