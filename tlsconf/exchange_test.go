package tlsconf

import (
	"crypto/tls"
	"slices"
	"testing"
)

// TestKeyExchange: what is agreed on with a client that can do everything, and with one that offers only what
// hybrid has besides; both ends follow the option.
func TestKeyExchange(t *testing.T) {
	i := newCA(t, "a.example")
	file := put(t, "both.pem", i.pair(t))
	for exchange, want := range map[string]tls.CurveID{"": tls.X25519MLKEM768, "hybrid": tls.X25519MLKEM768, "classic": tls.X25519, "Classic": tls.X25519} {
		c := load(t, Options{Certificate: file, KeyExchange: exchange})
		for name, client := range map[string]*tls.Config{"any client": {InsecureSkipVerify: true}, "ours": c.Client("a.example", "b.example")} {
			ss, _, serr, cerr := shake(t, c.Server(), client)
			if serr != nil || cerr != nil || ss.CurveID != want {
				t.Errorf("%q, %s: %v, %v, %v, want %v", exchange, name, ss.CurveID, serr, cerr, want)
			}
		}
		_, _, serr, _ := shake(t, c.Server(), &tls.Config{InsecureSkipVerify: true, CurvePreferences: []tls.CurveID{tls.CurveP384}})
		if refused := slices.Contains([]string{"classic", "Classic"}, exchange); (serr != nil) != refused {
			t.Errorf("%q and P-384 alone: %v", exchange, serr)
		}
	}
}
