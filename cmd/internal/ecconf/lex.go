package ecconf

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind uint8

const (
	tokEOF    tokenKind = iota
	tokWord             // a bare word
	tokString           // a quoted string, unescaped
	tokEqual
	tokLBrace
	tokRBrace
	tokLBracket
	tokRBracket
	tokLParen
	tokRParen
)

var punctuation = map[byte]tokenKind{
	'=': tokEqual, '{': tokLBrace, '}': tokRBrace,
	'[': tokLBracket, ']': tokRBracket, '(': tokLParen, ')': tokRParen,
}

// token is one lexical unit. first says that nothing but white space and
// comments stands before it on its line; after is the comment that follows it
// on its line, kept for hints about names that begin with #.
type token struct {
	kind      tokenKind
	text      string
	line, col int
	first     bool
	after     string
}

// String names the token in a message.
func (t token) String() string {
	switch t.kind {
	case tokEOF:
		return "the end of the file"
	case tokWord, tokString:
		return quote(t.text)
	default:
		return t.text
	}
}

// lexer turns a file into tokens. It always gets to the end: what it does not
// understand is reported and stepped over.
type lexer struct {
	file      string
	src       string
	off       int
	line, col int
	first     bool
	toks      []token
	errs      *Errors
}

// lex returns the tokens of src, the last of which is tokEOF. Texts are
// substrings of src where no escape had to be undone.
func lex(file, src string, errs *Errors) []token {
	l := &lexer{file: file, src: strings.TrimPrefix(src, "\uFEFF"), line: 1, col: 1, first: true, errs: errs}
	for l.off < len(l.src) {
		l.next()
	}
	l.emit(tokEOF, "", l.line, l.col)
	return l.toks
}

func (l *lexer) pos() Pos { return Pos{l.file, l.line, l.col} }

func (l *lexer) emit(k tokenKind, text string, line, col int) {
	l.toks = append(l.toks, token{kind: k, text: text, line: line, col: col, first: l.first})
	l.first = false
}

// skip steps over n bytes and keeps line and column.
func (l *lexer) skip(n int) {
	for _, r := range l.src[l.off : l.off+n] {
		if r == '\n' {
			l.line, l.col, l.first = l.line+1, 1, true
		} else {
			l.col++
		}
	}
	l.off += n
}

func (l *lexer) next() {
	rest := l.src[l.off:]
	c := rest[0]
	switch {
	case isSpace(c):
		l.skip(1)
	case c == '#':
		l.lineComment()
	case strings.HasPrefix(rest, "/*"):
		l.blockComment()
	case c == '"':
		l.quoted()
	case c == '\'':
		l.errs.Addf(l.pos(), `' does not delimit strings: use double quotes`)
		l.skip(1)
	case punctuation[c] != 0:
		l.emit(punctuation[c], rest[:1], l.line, l.col)
		l.skip(1)
	default:
		l.word()
	}
}

// isSpace covers the white space of the language; a form feed or a vertical
// tab is not worth an error.
func isSpace(c byte) bool {
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f'
}

func (l *lexer) lineComment() {
	n := strings.IndexByte(l.src[l.off:], '\n')
	if n < 0 {
		n = len(l.src) - l.off
	}
	text := l.src[l.off : l.off+n]
	l.checkText(text, l.pos())
	if k := len(l.toks); k > 0 && l.toks[k-1].line == l.line {
		l.toks[k-1].after = strings.TrimSpace(text)
	}
	l.skip(n)
}

func (l *lexer) blockComment() {
	n := strings.Index(l.src[l.off+2:], "*/")
	if n < 0 {
		l.errs.Addf(l.pos(), "the comment that starts here is never closed: */ is missing")
		l.skip(len(l.src) - l.off)
		return
	}
	l.checkText(l.src[l.off:l.off+n+4], l.pos())
	l.skip(n + 4)
}

// quoted reads a string. It ends at the closing quote, or with an error at
// the end of the line.
func (l *lexer) quoted() {
	line, col := l.line, l.col
	var buf strings.Builder
	plain := l.off + 1 // start of the text that needs no unescaping
	for i := l.off + 1; i < len(l.src) && l.src[i] != '\n'; i++ {
		switch l.src[i] {
		case '"':
			buf.WriteString(l.src[plain:i])
			l.checkText(l.src[l.off:i], l.pos())
			l.emit(tokString, buf.String(), line, col)
			l.skip(i + 1 - l.off)
			return
		case '\\':
			if i+1 < len(l.src) && (l.src[i+1] == '"' || l.src[i+1] == '\\') {
				buf.WriteString(l.src[plain:i])
				plain = i + 1
				i++
			}
		}
	}
	l.errs.Addf(l.pos(), `the string that starts here has no closing quote on its line`)
	n := strings.IndexByte(l.src[l.off:], '\n')
	if n < 0 {
		n = len(l.src) - l.off
	}
	l.checkText(l.src[l.off:l.off+n], l.pos())
	l.emit(tokString, strings.TrimRight(l.src[l.off+1:l.off+n], "\r"), line, col)
	l.skip(n)
}

// word reads a bare word and complains about what makes it ambiguous.
func (l *lexer) word() {
	rest := l.src[l.off:]
	n := 0
	for n < len(rest) && !isSpace(rest[n]) && punctuation[rest[n]] == 0 && rest[n] != '"' && rest[n] != '\'' && rest[n] != '#' {
		if n > 0 && strings.HasPrefix(rest[n:], "/*") {
			l.errs.Addf(l.pos(), "/* touches the word %s: put a space before a comment, or quote the whole value", quote(rest[:n]))
			break
		}
		n++
	}
	text, at, line, col := rest[:n], l.pos(), l.line, l.col
	l.checkText(text, at)
	if n < len(rest) {
		switch rest[n] {
		case '#':
			l.errs.Addf(at, "# touches the word %s: put a space before a comment, or quote the whole value", quote(text))
		case '"', '\'':
			l.errs.Addf(at, "a quote touches the word %s: quote the whole value", quote(text))
		}
	}
	if bare := strings.Trim(text, ",;"); bare != text {
		l.errs.Addf(at, "%s: white space separates values and statements, leave out commas and semicolons", quote(text))
		text = bare
	}
	if text != "" {
		l.emit(tokWord, text, line, col)
	}
	l.skip(n)
}

// checkText refuses bytes that no configuration needs and that a terminal or
// an editor would not show. s stands at the position at.
func (l *lexer) checkText(s string, at Pos) {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				l.errs.Addf(at, "byte %#02x is not UTF-8: save the file as UTF-8", s[i])
				return
			}
		}
		if unicode.IsControl(r) && r != '\t' && r != '\r' && r != '\n' && r != '\v' && r != '\f' {
			l.errs.Addf(at, "the control character %#U is not allowed", r)
			return
		}
		if at.Col++; r == '\n' {
			at.Line, at.Col = at.Line+1, 1
		}
	}
}
