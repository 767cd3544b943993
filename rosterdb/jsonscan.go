package rosterdb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"unicode/utf8"
)

// value is one JSON value and where it stands.
type value struct {
	raw       []byte
	at, keyAt int64
	path      string
}

func (v value) bad(format string, args ...any) error {
	return &JSONError{v.at, v.path, fmt.Sprintf(format, args...)}
}

// kind names the type of a value, for messages.
func (v value) kind() string {
	switch v.raw[0] {
	case '{':
		return "an object"
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return v.trimmed()
	case 'n':
		return "null"
	}
	return "a number"
}

func (v value) trimmed() string { return string(bytes.TrimSpace(v.raw)) }

func (v value) text() (s string, err error) {
	if v.raw[0] != '"' {
		return "", v.bad("want a string, found %s", v.kind())
	}
	if err := json.Unmarshal(v.raw, &s); err != nil {
		return "", v.bad("%v", err)
	}
	return s, nil
}

func (v value) flag() (bool, error) {
	switch v.trimmed() {
	case "true":
		return true, nil
	case "false", "null":
		return false, nil
	}
	return false, v.bad("want true or false, found %s", v.kind())
}

// keep appends an unknown member to an object that closeObject will close.
func (v value) keep(object []byte, key string) []byte {
	if object == nil {
		object = []byte{'{'}
	} else {
		object = append(object, ',')
	}
	object = append(appendJSON(object, key), ':')
	buf := bytes.NewBuffer(object)
	_ = json.Compact(buf, v.raw) // a decoder has accepted it
	return buf.Bytes()
}

func closeObject(b []byte) []byte {
	if b == nil {
		return nil
	}
	return append(b, '}')
}

// eachMember calls fn for each member of the object b, which stands at offset
// base of the input. A name that is there twice is an error.
func eachMember(b []byte, base int64, path string, fn func(key string, v value) error) error {
	dec := json.NewDecoder(bytes.NewReader(b))
	tok, err := dec.Token()
	if err != nil {
		return syntax(err, base, len(b), path)
	}
	if tok != json.Delim('{') {
		raw := bytes.TrimLeft(b, space)
		return &JSONError{base + int64(len(b)-len(raw)), path, "want an object, found " + value{raw: raw}.kind()}
	}
	seen := map[string]bool{}
	for dec.More() {
		tok, err := dec.Token()
		if err != nil {
			return syntax(err, base, len(b), path)
		}
		key, _ := tok.(string) // a decoder in an object gives nothing else here
		v := value{keyAt: base + dec.InputOffset() - int64(len(key)) - 2, path: join(path, key)}
		if seen[key] {
			return &JSONError{v.keyAt, v.path, "the member is there twice"}
		}
		seen[key] = true
		var raw json.RawMessage
		if err := dec.Decode(&raw); err != nil {
			return syntax(err, base, len(b), v.path)
		}
		v.raw, v.at = raw, base+dec.InputOffset()-int64(len(raw))
		if err := fn(key, v); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return syntax(err, base, len(b), path)
	}
	if rest := bytes.TrimLeft(b[dec.InputOffset():], space); len(rest) > 0 {
		return &JSONError{base + int64(len(b)-len(rest)), path, "something follows the object"}
	}
	return nil
}

func join(path, key string) string {
	if path == "" {
		return strconv.Quote(key)
	}
	return path + "." + key
}

// space is the white space of JSON.
const space = " \t\r\n"

// syntax turns an error of the decoder about n bytes at base into a JSONError.
func syntax(err error, base int64, n int, path string) error {
	if se, ok := errors.AsType[*json.SyntaxError](err); ok {
		return &JSONError{base + se.Offset, path, se.Error()}
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &JSONError{base + int64(n), path, "the JSON ends early"}
	}
	return &JSONError{base, path, err.Error()}
}

const hexDigits = "0123456789abcdef"

// appendJSON writes s as a JSON string; bytes that are not UTF-8 become U+FFFD.
func appendJSON(b []byte, s string) []byte {
	b = append(b, '"')
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			b = append(b, '\\', byte(r))
		case r == '\n':
			b = append(b, '\\', 'n')
		case r == '\t':
			b = append(b, '\\', 't')
		case r == '\r':
			b = append(b, '\\', 'r')
		case r < 0x20:
			b = append(b, '\\', 'u', '0', '0', hexDigits[r>>4], hexDigits[r&15])
		case r == utf8.RuneError:
			_, n := utf8.DecodeRuneInString(s[i:])
			if n == 1 {
				b = append(b, `\ufffd`...)
				continue
			}
			b = utf8.AppendRune(b, r)
		default:
			b = utf8.AppendRune(b, r)
		}
	}
	return append(b, '"')
}
