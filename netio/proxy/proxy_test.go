package proxy

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
)

const (
	sig2 = "\r\n\r\n\x00\r\nQUIT\n"
	v4   = "\xc0\x00\x02\x01\x7f\x00\x00\x01\x12\x67\x14\x66"
	v6   = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01"
)

var headers = map[string]struct {
	text string
	want string // the address; "-": the connection's own; "": refused
}{
	"1, IPv4":                   {"PROXY TCP4 192.0.2.1 127.0.0.1 4711 5222\r\n", "192.0.2.1:4711"},
	"1, IPv6":                   {"PROXY TCP6 2001:db8::1 ::1 4711 5222\r\n", "[2001:db8::1]:4711"},
	"1, mapped":                 {"PROXY TCP6 ::ffff:192.0.2.1 ::1 4711 5222\r\n", "192.0.2.1:4711"},
	"1, unknown":                {"PROXY UNKNOWN\r\n", "-"},
	"1, unknown, with all":      {"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "-"},
	"1, longest":                {"PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n", "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535"},
	"1, too long":               {"PROXY UNKNOWN " + strings.Repeat("x", 100) + "\r\n", ""},
	"1, no CR":                  {"PROXY TCP4 192.0.2.1 127.0.0.1 4711 5222\n", ""},
	"1, no family":              {"PROXY\r\n", ""},
	"1, other family":           {"PROXY UDP4 192.0.2.1 127.0.0.1 4711 5222\r\n", ""},
	"1, family of the address":  {"PROXY TCP4 2001:db8::1 ::1 4711 5222\r\n", ""},
	"1, a name":                 {"PROXY TCP4 example.org 127.0.0.1 4711 5222\r\n", ""},
	"1, port":                   {"PROXY TCP4 192.0.2.1 127.0.0.1 65536 5222\r\n", ""},
	"1, too few":                {"PROXY TCP4 192.0.2.1 127.0.0.1 4711\r\n", ""},
	"1, too many":               {"PROXY TCP4 192.0.2.1 127.0.0.1 4711 5222 1\r\n", ""},
	"2, IPv4":                   {sig2 + "\x21\x11\x00\x0c" + v4, "192.0.2.1:4711"},
	"2, IPv4, TLVs":             {sig2 + "\x21\x11\x00\x14" + v4 + "\x01\x00\x05h2xyz", "192.0.2.1:4711"},
	"2, IPv6":                   {sig2 + "\x21\x21\x00\x24" + v6 + v6 + "\x12\x67\x14\x66", "[2001:db8::1]:4711"},
	"2, Unix":                   {sig2 + "\x21\x31\x00\xd8" + strings.Repeat("x", 216), "-"},
	"2, local":                  {sig2 + "\x20\x00\x00\x00", "-"},
	"2, local with more":        {sig2 + "\x20\x00\x00\x03abc", "-"},
	"2, local of IPv4":          {sig2 + "\x20\x11\x00\x0c" + v4, "-"},
	"2, longest":                {sig2 + "\x21\x11\x0f\xf0" + v4 + strings.Repeat("\x00", MaxHeader-16-12), "192.0.2.1:4711"},
	"2, too long":               {sig2 + "\x21\x11\x0f\xf1" + v4 + strings.Repeat("\x00", MaxHeader-15-12), ""},
	"2, version 3":              {sig2 + "\x31\x11\x00\x0c" + v4, ""},
	"2, command":                {sig2 + "\x22\x11\x00\x0c" + v4, ""},
	"2, UDP":                    {sig2 + "\x21\x12\x00\x0c" + v4, ""},
	"2, Unix datagrams":         {sig2 + "\x21\x32\x00\xd8" + strings.Repeat("x", 216), ""},
	"2, family":                 {sig2 + "\x21\x41\x00\x0c" + v4, ""},
	"2, less than an address":   {sig2 + "\x21\x11\x00\x0b" + v4[1:], ""},
	"2, unspecified, not local": {sig2 + "\x21\x00\x00\x00", ""},
	"none":                      {"<stream:stream>", ""},
	"TLS":                       {"\x16\x03\x01\x02\x00", ""},
	"lower case":                {"proxy TCP4 192.0.2.1 127.0.0.1 4711 5222\r\n", ""},
	"GET":                       {"P", "short"},
}

// TestParse: each header, whole, with something behind it, and cut anywhere.
func TestParse(t *testing.T) {
	for name, h := range headers {
		client, used, err := Parse([]byte(h.text + "<?xml"))
		switch h.want {
		case "short":
			if _, _, err := Parse([]byte(h.text)); err != ErrShort {
				t.Errorf("%s: %v", name, err)
			}
			continue
		case "":
			if err == nil || err == ErrShort {
				t.Errorf("%s: %v, %v", name, client, err)
			}
			continue
		}
		if got := client.String(); err != nil || used != len(h.text) || client.IsValid() != (h.want != "-") || client.IsValid() && got != h.want {
			t.Errorf("%s: %v, %d of %d bytes, %v", name, client, used, len(h.text), err)
		}
		for i := range len(h.text) {
			if _, _, err := Parse([]byte(h.text[:i])); err != ErrShort {
				t.Fatalf("%s, %d bytes: %v", name, i, err)
			}
		}
	}
	if _, _, err := Parse([]byte("<")); !errors.Is(err, ErrNone) {
		t.Error(err)
	}
}

// FuzzParse: what comes behind a header does not change it, and no part of it is taken for a whole one.
func FuzzParse(f *testing.F) {
	for _, h := range headers {
		f.Add([]byte(h.text))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		client, used, err := Parse(b)
		if err != nil {
			if used != 0 || client != (netip.AddrPort{}) {
				t.Fatalf("%v, %d, %v", client, used, err)
			}
			return
		}
		if used < 1 || used > MaxHeader {
			t.Fatalf("a header of %d bytes", used)
		}
		if again, n, err := Parse(append(b[:used:used], "more\r\n"...)); again != client || n != used || err != nil {
			t.Fatalf("%v, %d, %v; with more %v, %d, %v", client, used, err, again, n, err)
		}
		for i := range used {
			if _, _, err := Parse(b[:i]); err != ErrShort {
				t.Fatalf("%d of %d bytes: %v", i, used, err)
			}
		}
	})
}
