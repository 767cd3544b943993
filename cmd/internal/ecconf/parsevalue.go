package ecconf

// value reads the value of what is called name.
func (p *parser) value(name string) (Value, bool) {
	t := p.peek(0)
	switch t.kind {
	case tokWord:
		// A word before = or { is the next statement, so the value is missing.
		if k := p.peek(1).kind; k == tokEqual || k == tokLBrace {
			p.errs.Addf(p.at(t), "%s has no value: %s already belongs to the next statement", name, t)
			return Value{}, false
		}
		p.next()
		return Value{Kind: Word, Pos: p.at(t), Text: t.text}, true
	case tokString:
		p.next()
		return Value{Kind: String, Pos: p.at(t), Text: t.text}, true
	case tokLParen:
		return p.nested(name, p.list)
	case tokLBracket:
		return p.nested(name, p.dict)
	}
	p.errs.Addf(p.at(t), "%s has no value: found %s instead", name, t)
	return Value{}, false
}

// nested reads a list or dictionary, bounded in depth.
func (p *parser) nested(name string, read func(string) (Value, bool)) (Value, bool) {
	if p.depth >= MaxNesting {
		p.errs.Addf(p.at(p.peek(0)), "the value of %s nests deeper than %d levels", name, MaxNesting)
		return Value{}, false
	}
	p.depth++
	v, ok := read(name)
	p.depth--
	return v, ok
}

// list reads ( … ).
func (p *parser) list(name string) (Value, bool) {
	open := p.next()
	v := Value{Kind: List, Pos: p.at(open), Items: []Value{}}
	for {
		t := p.peek(0)
		switch t.kind {
		case tokRParen:
			p.next()
			return v, true
		case tokWord, tokString:
			if t.kind == tokWord && t.first && p.startsStatement(0) && p.peek(1).kind != tokLParen {
				p.unclosed(open, name, t)
				return Value{}, false
			}
			p.next()
			v.Items = append(v.Items, Value{Kind: scalarKind(t), Pos: p.at(t), Text: t.text})
		case tokEOF, tokRBrace:
			p.unclosed(open, name, t)
			return Value{}, false
		default:
			p.errs.Addf(p.at(t), "%s stands in the list of %s, which holds only words and quoted strings", t, name)
			p.next()
			return Value{}, false
		}
	}
}

func scalarKind(t token) ValueKind {
	if t.kind == tokString {
		return String
	}
	return Word
}

// dict reads [ … ].
func (p *parser) dict(name string) (Value, bool) {
	open := p.next()
	v := Value{Kind: Dict, Pos: p.at(open), Entries: []Entry{}}
	for {
		t := p.peek(0)
		switch t.kind {
		case tokRBracket:
			p.next()
			return v, true
		case tokWord:
			e, ok := p.entry(open, name)
			if !ok {
				return Value{}, false
			}
			v.Entries = append(v.Entries, e)
		case tokEOF, tokRBrace:
			p.unclosed(open, name, t)
			return Value{}, false
		default:
			p.errs.Addf(p.at(t), "%s stands in the dictionary of %s, which holds only key = value", t, name)
			p.next()
			return Value{}, false
		}
	}
}

// entry reads one key = value of the dictionary that opened at open.
func (p *parser) entry(open token, name string) (Entry, bool) {
	key := p.peek(0)
	switch k := p.peek(1).kind; {
	case k == tokEqual:
		p.i += 2
	case k == tokLBracket || k == tokLParen:
		p.i++
	case key.first && p.startsStatement(0):
		p.unclosed(open, name, key)
		return Entry{}, false
	default:
		p.next()
		p.errs.Addf(p.at(key), "%s in the dictionary of %s has no value: write %s = …%s", key, name, key.text, addressHint(key.text))
		return Entry{}, false
	}
	v, ok := p.value(key.text)
	return Entry{Pos: p.at(key), Key: key.text, Value: v}, ok
}

// addressHint explains [::]:5222 without quotes, which reads as a dictionary.
func addressHint(key string) string {
	for i := 0; i+1 < len(key); i++ {
		if key[i] == ':' && key[i+1] == ':' {
			return ` (an address in brackets must be quoted: "[::]:5222")`
		}
	}
	return ""
}

// unclosed reports a list or dictionary that is still open where t stands.
func (p *parser) unclosed(open token, name string, t token) {
	closer := ")"
	if open.kind == tokLBracket {
		closer = "]"
	}
	p.errs.Addf(p.at(t), "%s of %s, opened on line %d, is not closed before %s: %s is missing", open.text, name, open.line, t, closer)
}
