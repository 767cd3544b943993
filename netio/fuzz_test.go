package netio

import "testing"

// What parses names the same endpoint when it is printed and parsed again.
func FuzzParseEndpoint(f *testing.F) {
	for _, s := range []string{"*:5222", ":0", "[*]:1", "[::]:65535", "127.0.0.1:5222", "[fd00::1]:5222", "[fe80::1%eth0]:1",
		"/run/roost.sock", "data/control.sock", "[::ffff:1.2.3.4]:1", "", "[", "]:1", "[]:", "a:1:2"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		ep, err := parseEndpoint(s)
		if err != nil {
			return
		}
		again, err := parseEndpoint(ep.String())
		if err != nil || again != ep {
			t.Errorf("%q is %v, which is %v (%v)", s, ep, again, err)
		}
	})
}
