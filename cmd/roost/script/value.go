package script

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// vars are the captured values of one script. A matcher works on a copy until it has matched.
type vars map[string]string

var (
	holder = regexp.MustCompile(`\{([A-Za-z_][A-Za-z0-9_./-]*)\}`)
	coder  = regexp.MustCompile(`\{base64 ("(?:[^"\\]|\\.)*")\}`)
)

// expand fills in what a script sends: {name} becomes the captured value, {base64 "…"} the
// encoding of a Go string literal in which {name} stands for values too.
func (v vars) expand(s string) (string, error) {
	var bad error
	fill := func(s string) string {
		return holder.ReplaceAllStringFunc(s, func(m string) string {
			val, ok := v[m[1:len(m)-1]]
			if !ok && bad == nil {
				bad = fmt.Errorf("nothing was captured as %s", m)
			}
			return val
		})
	}
	s = coder.ReplaceAllStringFunc(s, func(m string) string {
		lit, err := strconv.Unquote(coder.FindStringSubmatch(m)[1])
		if err != nil && bad == nil {
			bad = fmt.Errorf("%s: %v", m, err)
		}
		return base64.StdEncoding.EncodeToString([]byte(fill(lit)))
	})
	return fill(s), bad
}

// matches compares a value with its pattern, capturing on the way:
//
//   - anything, the empty value too
//     re:EXPR         the regular expression, anchored at both ends
//     {base64 "…"}    base64 of what the inner pattern matches
//     {name}          anything that is not empty, captured; later the same again
func (v vars) matches(pattern, got string) bool {
	if pattern == "*" {
		return true
	}
	if m := coder.FindStringSubmatch(pattern); m != nil && m[0] == pattern {
		lit, err := strconv.Unquote(m[1])
		raw, err2 := base64.StdEncoding.DecodeString(got)
		return err == nil && err2 == nil && v.matches(lit, string(raw))
	}
	expr, isRe := strings.CutPrefix(pattern, "re:")
	if !isRe {
		expr = v.compile(pattern)
	}
	re, err := regexp.Compile(`(?s)\A(?:` + expr + `)\z`)
	if err != nil {
		return false
	}
	m := re.FindStringSubmatch(got)
	if m == nil {
		return false
	}
	if !isRe {
		return v.capture(holder.FindAllStringSubmatch(pattern, -1), m[1:])
	}
	return true
}

// compile turns a pattern into a regular expression with one group per {name}.
func (v vars) compile(pattern string) string {
	var b strings.Builder
	rest := pattern
	for {
		at := holder.FindStringSubmatchIndex(rest)
		if at == nil {
			b.WriteString(regexp.QuoteMeta(rest))
			return b.String()
		}
		b.WriteString(regexp.QuoteMeta(rest[:at[0]]))
		if val, ok := v[rest[at[2]:at[3]]]; ok {
			b.WriteString("(" + regexp.QuoteMeta(val) + ")")
		} else {
			b.WriteString("(.+?)")
		}
		rest = rest[at[1]:]
	}
}

func (v vars) capture(names [][]string, groups []string) bool {
	for i, n := range names {
		if old, ok := v[n[1]]; ok && old != groups[i] {
			return false
		}
		v[n[1]] = groups[i]
	}
	return true
}
