package sasl

import (
	"bytes"
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// clientFirst is a client-first-message (RFC 5802 §7).
type clientFirst struct {
	flag    byte // gs2-cbind-flag: 'n', 'y' or 'p'
	binding string
	authzid string
	user    string
	nonce   string
}

// parseClientFirst checks all of the grammar, because the library's parser
// lets unknown things pass that have to be refused.
func parseClientFirst(b []byte) (m clientFirst, err error) {
	if err := checkText(b); err != nil {
		return m, err
	}
	flag, rest, ok1 := strings.Cut(string(b), ",")
	authzid, rest, ok2 := strings.Cut(rest, ",")
	if !ok1 || !ok2 {
		return m, malformed("There is no GS2 header.")
	}
	if m.flag, m.binding, err = parseFlag(flag); err != nil {
		return m, err
	}
	if authzid != "" {
		name, ok := strings.CutPrefix(authzid, "a=")
		if m.authzid, ok = cutName(name, ok); !ok {
			return m, malformed("The authorization identity is not a saslname.")
		}
	}
	if strings.HasPrefix(rest, "m=") { // RFC 5802 §5.1: must be refused
		return m, malformed("Mandatory extensions are not supported.")
	}
	fields := strings.Split(rest, ",")
	if len(fields) < 2 {
		return m, malformed("The user name or the nonce is missing.")
	}
	name, ok := strings.CutPrefix(fields[0], "n=")
	if m.user, ok = cutName(name, ok); !ok {
		return m, malformed("The user name is not a saslname.")
	}
	if m.nonce, ok = strings.CutPrefix(fields[1], "r="); !ok || !printable(m.nonce) {
		return m, malformed("The nonce is missing or has characters that it may not have.")
	}
	return m, checkExtensions(fields[2:])
}

// parseFlag reads "n", "y" or "p=" cb-name.
func parseFlag(s string) (flag byte, binding string, err error) {
	if s == "n" || s == "y" {
		return s[0], "", nil
	}
	name, ok := strings.CutPrefix(s, "p=")
	if !ok || name == "" || strings.ContainsFunc(name, notCBName) {
		return 0, "", malformed("The channel-binding flag is not n, y or p=type.")
	}
	return 'p', name, nil
}

// notCBName: cb-name = 1*(ALPHA / DIGIT / "." / "-").
func notCBName(r rune) bool {
	return !('a' <= r|0x20 && r|0x20 <= 'z' || '0' <= r && r <= '9' || r == '.' || r == '-')
}

// cutName decodes a saslname when ok: =2C and =3D stand for "," and "=", any
// other "=" is an error (RFC 5802 §5.1), and so is an empty name.
func cutName(s string, ok bool) (string, bool) {
	if !ok || s == "" {
		return "", false
	}
	for rest := s; ; {
		i := strings.IndexByte(rest, '=')
		if i < 0 {
			break
		}
		if esc := rest[i:]; !strings.HasPrefix(esc, "=2C") && !strings.HasPrefix(esc, "=3D") {
			return "", false
		}
		rest = rest[i+3:]
	}
	return strings.ReplaceAll(strings.ReplaceAll(s, "=2C", ","), "=3D", "="), true
}

// checkClientFinal checks the grammar: "c=" base64 ",r=" nonce *("," ext)
// ",p=" base64.
func checkClientFinal(b []byte) error {
	if err := checkText(b); err != nil {
		return err
	}
	fields := strings.Split(string(b), ",")
	if len(fields) < 3 {
		return malformed("The message has not all of its fields.")
	}
	last := len(fields) - 1
	c, ok1 := strings.CutPrefix(fields[0], "c=")
	r, ok2 := strings.CutPrefix(fields[1], "r=")
	p, ok3 := strings.CutPrefix(fields[last], "p=")
	if !ok1 || !ok2 || !ok3 || !isBase64(c) || !printable(r) || !isBase64(p) {
		return malformed("The message is not c=…,r=…,p=….")
	}
	return checkExtensions(fields[2:last])
}

// checkExtensions: attr-val = ALPHA "=" value; "m" is a mandatory extension,
// and none is known here.
func checkExtensions(fields []string) error {
	for _, f := range fields {
		if len(f) < 3 || f[1] != '=' || f[0]|0x20 < 'a' || f[0]|0x20 > 'z' {
			return malformed("An extension is not attribute=value.")
		}
		if f[0] == 'm' {
			return malformed("Mandatory extensions are not supported.")
		}
	}
	return nil
}

// checkText bounds a message and refuses what no part of it may have.
func checkText(b []byte) error {
	switch {
	case len(b) > MaxResponse:
		return malformed("The message is too long.")
	case !utf8.Valid(b):
		return malformed("The message is not UTF-8.")
	case bytes.IndexByte(b, 0) >= 0:
		return malformed("The message has a NUL.")
	}
	return nil
}

// printable = %x21-2B / %x2D-7E, at least one.
func printable(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool { return r < 0x21 || r == ',' || r > 0x7E })
}

// isBase64 is stricter than the decoder, which skips line ends.
func isBase64(s string) bool {
	if s == "" || strings.ContainsAny(s, "\r\n") {
		return false
	}
	_, err := base64.StdEncoding.Strict().DecodeString(s)
	return err == nil
}
