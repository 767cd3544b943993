package riakhttp

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// What a check refuses.
var (
	errPrecondition = errors.New("the condition of If-Match or If-None-Match does not hold")
	errAbsent       = errors.New("no such roster")
)

func preconditionError(owner jid.JID) error {
	return fmt.Errorf("roster of %s: %w: get it again, and change that", owner, errPrecondition)
}

func absentError(owner jid.JID) error {
	return fmt.Errorf("roster of %s: %w: nothing is stored for this address", owner, errAbsent)
}

// tagOf is the entity tag of a roster (RFC 9110 §8.8.3). The version alone would not do: it stays
// the same while only things change that clients do not see, such as a request that waits.
func tagOf(ver uint64, body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + strconv.FormatUint(ver, 36) + "-" + hex.EncodeToString(sum[:8]) + `"`
}

// tags is the value of If-Match or If-None-Match; nil stands for no header.
type tags struct {
	any          bool // *
	strong, weak []string
}

// condition is what a request asks for (RFC 9110 §13.1.1, §13.1.2).
type condition struct{ match, none *tags }

func readCondition(h http.Header) (c condition, p *problem) {
	for name, to := range map[string]**tags{"If-Match": &c.match, "If-None-Match": &c.none} {
		if values := h.Values(name); len(values) > 0 {
			t, ok := readTags(strings.Join(values, ","))
			if !ok {
				return c, bad(http.StatusBadRequest, `%s: %q is no list of entity tags: write * or "…", as ETag gives it`, name, strings.Join(values, ","))
			}
			*to = t
		}
	}
	return c, nil
}

func readTags(s string) (*tags, bool) {
	t := &tags{}
	for s = strings.TrimLeft(s, " \t,"); s != ""; s = strings.TrimLeft(s, " \t,") {
		if s[0] == '*' {
			t.any = true
			s = s[1:]
			continue
		}
		opaque, weak := strings.CutPrefix(s, "W/")
		if !strings.HasPrefix(opaque, `"`) {
			return nil, false
		}
		end := strings.IndexByte(opaque[1:], '"')
		if end < 0 {
			return nil, false
		}
		tag := opaque[:end+2]
		if weak {
			t.weak = append(t.weak, tag)
		} else {
			t.strong = append(t.strong, tag)
		}
		s = opaque[end+2:]
	}
	return t, t.any || len(t.strong)+len(t.weak) > 0
}

// allows reports whether If-Match lets a request through: some strong tag is the one (§13.1.1).
func (t *tags) allows(exists bool, tag string) bool {
	if t == nil {
		return true
	}
	return exists && (t.any || slices.Contains(t.strong, tag))
}

// forbids reports whether If-None-Match stops a request: some tag, weak or not, is the one (§13.1.2).
func (t *tags) forbids(exists bool, tag string) bool {
	return t != nil && exists && (t.any || slices.Contains(t.strong, tag) || slices.Contains(t.weak, tag))
}

// check is the condition for a change; nil when there is none.
func (c condition) check(owner jid.JID) func(old *rosterdb.Roster) error {
	if c.match == nil && c.none == nil {
		return nil
	}
	return func(old *rosterdb.Roster) error {
		tag := tagOf(old.Ver, rosterdb.RosterJSON(old))
		if !c.match.allows(old.Ver != 0, tag) || c.none.forbids(old.Ver != 0, tag) {
			return preconditionError(owner)
		}
		return nil
	}
}
