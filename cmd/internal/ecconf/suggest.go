package ecconf

import "strings"

// suggest returns " (did you mean X?)" for the candidate nearest to name, else for
// the shortest one that name is the beginning of, or "" when none is near enough
// to be what was meant.
func suggest(name string, candidates []string) string {
	const longest = 64 // names of this language are shorter; bounds the work
	if len(name) > longest {
		return ""
	}
	best, at := 1+max(1, len(name)/3), ""
	for _, c := range candidates {
		if d := distance(lower(name), lower(c), best); d < best {
			best, at = d, c
		}
	}
	if at == "" {
		at = completion(lower(name), candidates)
	}
	if at == "" {
		return ""
	}
	return " (did you mean " + at + "?)"
}

// completion returns the shortest candidate that begins with name, which must be
// long enough to say something.
func completion(name string, candidates []string) (at string) {
	for _, c := range candidates {
		if len(name) > 2 && strings.HasPrefix(lower(c), name) && (at == "" || len(c) < len(at)) {
			at = c
		}
	}
	return at
}

// distance is the edit distance of Levenshtein, with two neighbours swapped
// counting as one edit, or limit when it is not less than that.
func distance(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, prev, cur := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], before[j-2]+1)
			}
		}
		before, prev, cur = prev, cur, before
	}
	return min(prev[len(b)], limit)
}

// Unknown explains a name that is neither an option nor a stanza of the scope id.
func (s *Schema) Unknown(name, id string) string { return s.unknown("option", name, id) }

// Names are the options and stanzas of the scope id, sorted.
func (s *Schema) Names(id string) []string { return s.names(id) }

// unknown explains a name that has no row in the scope id.
func (s *Schema) unknown(what, name, id string) string {
	if s.validIn(name) != "" {
		return quote(name) + " is not valid in " + s.label(id) + "; it is valid in " + s.validIn(name) + suggest(name, s.names(id))
	}
	return "unknown " + what + " " + quote(name) + " in " + s.label(id) + suggest(name, s.names(id))
}
