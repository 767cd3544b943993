package delegated

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// The answer of the application is an object, contact → entry:
//
//	"marie@example.org": {
//	  "name": "Marie",              may be missing or null
//	  "groups": ["Friends"],        or {"Friends": true}
//	  "subscription": "both",       none, to, from or both; both when it is missing
//	  "ask": "subscribe",           or true: the user has asked and waits
//	  "approved": true              pre-approval (RFC 6121 §3.4)
//	}
//
// Other members are ignored. An empty array stands for an empty object wherever one may be: so some
// languages write an object without members.

// parse reads the entries of owner's roster, and sorts them by contact. One entry that is wrong refuses all of them: half a roster would
// take contacts away from people. It shares no memory with b.
func parse(owner jid.JID, b []byte, o Options) ([]rosterdb.Item, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("not UTF-8")
	}
	items := []rosterdb.Item{}
	seen := map[jid.JID]string{}
	err := members(b, func(key string, at int64, raw json.RawMessage) error {
		if len(items) == o.MaxItems {
			return fmt.Errorf("more than %d contacts", o.MaxItems)
		}
		contact, err := jid.Parse(key)
		switch {
		case err != nil:
			return fmt.Errorf("offset %d: %s: %w", at, quote(key), err)
		case !contact.IsBare():
			return fmt.Errorf("offset %d: %s has a resource; a contact is local@domain or domain", at, quote(key))
		case contact == owner:
			return fmt.Errorf("offset %d: %s is the user himself, who is no contact of his own", at, quote(key))
		}
		if first, twice := seen[contact]; twice {
			return fmt.Errorf("offset %d: %s is the same contact as %s", at, quote(key), quote(first))
		}
		seen[contact] = key
		it, err := parseItem(raw, o)
		if err != nil {
			return fmt.Errorf("offset %d: %s: %w", at, quote(key), err)
		}
		it.Contact = contact.Clone()
		items = append(items, it)
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(items, func(a, b rosterdb.Item) int { return strings.Compare(a.Contact.String(), b.Contact.String()) })
	return items, nil
}

func quote(s string) string { return strconv.Quote(clip(s)) }

// members calls fn for each member of the object b, with its offset.
func members(b []byte, fn func(key string, at int64, value json.RawMessage) error) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	tok, err := dec.Token()
	switch {
	case err != nil:
		return where(err, dec, b)
	case tok == json.Delim('['):
		if dec.More() {
			return errors.New("an array; want an object, contact → entry")
		}
	case tok != json.Delim('{'):
		return fmt.Errorf("%s; want an object, contact → entry", kind(tok))
	}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return where(err, dec, b)
		}
		key, _ := tok.(string)                            // a decoder in an object gives nothing else here
		at := max(dec.InputOffset()-int64(len(key))-2, 0) // where the key begins, unless it has escapes
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return where(err, dec, b)
		}
		if err := fn(key, at, raw); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return where(err, dec, b)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return fmt.Errorf("offset %d: something follows the object", dec.InputOffset())
	}
	return nil
}

// where says what is wrong with the syntax, and where.
func where(err error, dec *json.Decoder, b []byte) error {
	if e, ok := errors.AsType[*json.SyntaxError](err); ok && !strings.Contains(e.Error(), "unexpected end") {
		return fmt.Errorf("offset %d: no JSON: %w", e.Offset, e)
	}
	if len(bytes.TrimSpace(b)) == 0 {
		return errors.New("empty; a roster without contacts is {}")
	}
	return fmt.Errorf("the JSON ends early, after %d bytes (offset %d was understood)", len(b), dec.InputOffset())
}

// kind names a JSON token.
func kind(tok json.Token) string {
	switch tok.(type) {
	case nil:
		return "null"
	case string:
		return "a string"
	case bool:
		return "true or false"
	case json.Delim:
		return "an array"
	}
	return "a number"
}

// wire is an entry as the application writes it.
type wire struct {
	Name         *string         `json:"name"`
	Groups       json.RawMessage `json:"groups"`
	Subscription *string         `json:"subscription"`
	Ask          any             `json:"ask"`
	Approved     bool            `json:"approved"`
}

func parseItem(raw json.RawMessage, o Options) (it rosterdb.Item, err error) {
	var w wire
	if !isEmpty(raw) {
		if err := json.Unmarshal(raw, &w); err != nil {
			return it, plain(err)
		}
	}
	it = rosterdb.Item{Sub: rosterdb.SubBoth, Approved: w.Approved, Listed: true}
	if w.Name != nil {
		it.Name = *w.Name
	}
	if err := text("name", it.Name, o); err != nil {
		return it, err
	}
	if w.Subscription != nil {
		sub, ok := rosterdb.ParseSub(*w.Subscription)
		if !ok {
			return it, fmt.Errorf("subscription: %s is not none, to, from or both", quote(*w.Subscription))
		}
		it.Sub = sub
	}
	switch w.Ask {
	case nil, false, "":
	case true, "subscribe":
		it.Ask = !it.Sub.HasTo() // RFC 6121 §A.1: who is subscribed does not wait for it
	default:
		return it, errors.New(`ask: write "subscribe" or true, or leave it out`)
	}
	it.Groups, err = groups(w.Groups, o)
	return it, err
}

// isEmpty reports whether raw is null or an array without elements.
func isEmpty(raw json.RawMessage) bool {
	s := string(bytes.Join(bytes.Fields(raw), nil))
	return s == "" || s == "null" || s == "[]"
}

// plain takes Go's words out of an error of the decoder.
func plain(err error) error {
	if e, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if e.Field == "" {
			return fmt.Errorf("want an object with name and groups, found a JSON %s", e.Value)
		}
		return fmt.Errorf("%s: cannot be a JSON %s", e.Field, e.Value)
	}
	return err
}

// groups reads an array of names, or an object whose keys are the names.
func groups(raw json.RawMessage, o Options) (out []string, err error) {
	if isEmpty(raw) {
		return nil, nil
	}
	if raw[0] == '{' {
		err = members(raw, func(key string, _ int64, v json.RawMessage) error {
			if s := string(v); s != "false" && s != "null" {
				out = append(out, key)
			}
			return nil
		})
		slices.Sort(out) // the members of an object have no order
	} else if err = json.Unmarshal(raw, &out); err != nil {
		err = errors.New("want an array of names, or an object whose keys are the names")
	}
	if err != nil {
		return nil, fmt.Errorf("groups: %w", err)
	}
	if len(out) > o.MaxGroups {
		return nil, fmt.Errorf("groups: more than %d", o.MaxGroups)
	}
	for i, g := range out {
		switch {
		case g == "":
			return nil, errors.New("groups: a group without a name") // RFC 6121 §2.3.3
		case slices.Contains(out[:i], g):
			return nil, fmt.Errorf("groups: %s is there twice", quote(g))
		}
		if err := text("groups", g, o); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// text checks a name or group: what XML cannot carry would reach clients as something else.
func text(what, s string, o Options) error {
	if len(s) > o.MaxName {
		return fmt.Errorf("%s: longer than %d bytes", what, o.MaxName)
	}
	for i, c := range s { // XML 1.0 §2.2
		if c < 0x20 && c != '\t' && c != '\n' && c != '\r' || c == 0xFFFE || c == 0xFFFF {
			return fmt.Errorf("%s: the character U+%04X at byte %d cannot stand in XML", what, c, i)
		}
	}
	return nil
}
