package script

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// A Script is one parsed file.
type Script struct {
	Name  string
	files map[string]string // the sections
	lines []statement
}

// A statement is one step of a script.
type statement struct {
	line  int    // in the file, from 1
	actor string // of ">" and "<"; else ""
	verb  string // "send", "raw", "expect", "any", or the word itself
	args  []string
	text  string // what is sent or expected
	times int    // of "raw" and "send"
}

var (
	exchange = regexp.MustCompile(`^([A-Za-z][\w.-]*)([<>])(\S*)(?:\s+(.*))?$`)
	repeated = regexp.MustCompile(`^(raw)?\*(\d+)$`)
	section  = regexp.MustCompile(`^-- (\S+) --$`)
)

// Parse reads a script. name is for messages.
func Parse(name string, data []byte) (*Script, error) {
	s := &Script{Name: name, files: map[string]string{}}
	lines := strings.Split(strings.ReplaceAll(string(data), "\r\n", "\n"), "\n")
	end := len(lines)
	for i, l := range lines {
		if section.MatchString(l) {
			end = i
			break
		}
	}
	s.sections(lines[end:])
	return s, s.parse(lines[:end])
}

func (s *Script) sections(lines []string) {
	current := ""
	for _, l := range lines {
		if m := section.FindStringSubmatch(l); m != nil {
			current = m[1]
			s.files[current] = ""
			continue
		}
		s.files[current] += l + "\n"
	}
}

// parse joins continuation lines, which start with space, and reads the statements.
func (s *Script) parse(lines []string) error {
	for i := 0; i < len(lines); {
		first, at := lines[i], i+1
		i++
		if t := strings.TrimSpace(first); t == "" || t[0] == '#' {
			continue
		}
		if first[0] == ' ' || first[0] == '\t' {
			return fmt.Errorf("%s:%d: a continuation of nothing", s.Name, at)
		}
		group := strings.HasSuffix(first, "<? {")
		var more []string
		for i < len(lines) && (group || strings.HasPrefix(lines[i], " ") || strings.HasPrefix(lines[i], "\t")) {
			if group && lines[i] == "}" {
				group = false
				i++
				break
			}
			more = append(more, lines[i])
			i++
		}
		if group {
			return fmt.Errorf("%s:%d: the group has no end", s.Name, at)
		}
		st, err := parseStatement(strings.TrimSuffix(first, " {"), more)
		if err != nil {
			return fmt.Errorf("%s:%d: %w", s.Name, at, err)
		}
		st.line = at
		s.lines = append(s.lines, st)
	}
	return nil
}

func parseStatement(first string, more []string) (statement, error) {
	m := exchange.FindStringSubmatch(first)
	if m == nil {
		words, err := fields(strings.Join(append([]string{first}, more...), " "))
		if err != nil {
			return statement{}, err
		}
		return statement{verb: words[0], args: words[1:]}, nil
	}
	if text := strings.TrimSpace(strings.Join(append([]string{m[4]}, more...), " ")); apart[m[1]] {
		return parseApart(m[1], m[2], m[3], text), nil
	}
	st := statement{actor: m[1], times: 1, text: strings.TrimSpace(strings.Join(append([]string{m[4]}, more...), "\n"))}
	mod := m[3]
	if m[2] == ">" {
		st.verb = "send"
		if r := repeated.FindStringSubmatch(mod); r != nil {
			mod = r[1]
			st.times, _ = strconv.Atoi(r[2])
		}
		switch mod {
		case "":
			return st, nil
		case "raw":
			var err error
			st.verb = "raw"
			if st.text, err = strconv.Unquote(st.text); err != nil {
				err = fmt.Errorf("raw needs one quoted string: %w", err)
			}
			return st, err
		}
		return st, fmt.Errorf("no way to send %q", mod)
	}
	switch mod {
	case "":
		st.verb = "expect"
	case "?":
		st.verb = "any"
	default:
		if r := repeated.FindStringSubmatch(mod); r != nil && r[1] == "" {
			st.verb = "expect"
			st.times, _ = strconv.Atoi(r[2])
			break
		}
		st.verb = mod
		st.args = strings.Fields(st.text)
		return st, nil
	}
	_, err := parsePatterns(st.text)
	return st, err
}

// fields splits a line into words; a word may be a Go string literal.
func fields(s string) ([]string, error) {
	var out []string
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		if s[0] == '#' {
			break
		}
		n := strings.IndexAny(s, " \t\"")
		if n < 0 {
			return append(out, s), nil
		}
		if s[n] != '"' {
			out, s = append(out, s[:n]), s[n:]
			continue
		}
		lit, err := strconv.QuotedPrefix(s[n:])
		if err != nil {
			return nil, err
		}
		val, err := strconv.Unquote(lit)
		if err != nil {
			return nil, err
		}
		out, s = append(out, s[:n]+val), s[n+len(lit):]
	}
	return out, nil
}

// options reads key=value words; the others are given back.
func options(args []string) (plain []string, opts map[string]string) {
	opts = map[string]string{}
	for _, a := range args {
		if k, v, ok := strings.Cut(a, "="); ok {
			opts[k] = v
		} else {
			plain = append(plain, a)
		}
	}
	return plain, opts
}

// names reports whether statements of an actor stand in the script.
func (s *Script) names(actor string) bool {
	return slices.ContainsFunc(s.lines, func(st statement) bool { return st.actor == actor })
}

// routes reports whether the configuration leads to other servers that the script plays.
func (s *Script) routes() bool {
	for _, text := range s.files {
		if strings.Contains(text, "{peer}") {
			return true
		}
	}
	return false
}

// uses reports whether a verb stands in the script.
func (s *Script) uses(verb string) bool {
	for _, st := range s.lines {
		if st.verb == verb {
			return true
		}
	}
	return false
}
