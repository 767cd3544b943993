package c2s_test

import (
	"bytes"
	"io"
	"net"
	"slices"
	"strings"
	"testing"

	"roost/netio"
)

// FuzzStream sends anything in any state and then the end of input. The server answers with the end
// of the stream, except where TLS was begun, and keeps nothing.
func FuzzStream(f *testing.F) {
	names := []string{"header", "features", "challenge", "auth header", "bind", "bound"}
	for i := range names {
		for _, c := range fatal {
			f.Add(uint8(i), []byte(c.send))
		}
		for _, s := range conversation {
			f.Add(uint8(i), []byte(s.send))
		}
	}
	f.Add(uint8(1), []byte(plain("alice", "alice")+header+bind("a")+"<presence/><iq type='get' id='1'><beside xmlns='t'/></iq>"+footer))
	f.Add(uint8(5), []byte("<iq type='get' id='1'><panic-here xmlns='t'/></iq>"))
	houses := []*house{newHouse(f, options{tls: true}), newHouse(f, options{tls: true, net: netio.Config{ReadBuffer: 1}})}
	f.Fuzz(func(t *testing.T, in uint8, data []byte) {
		for _, h := range houses {
			c := states[names[int(in)%len(names)]](h.dial()).check(t)
			c.Write(data) // the server may have ended it before all of it is written
			c.Conn.(*net.TCPConn).CloseWrite()
			rest, err := io.ReadAll(c.Conn)
			got := slices.Concat(c.buf[c.used:], rest)
			if tls := bytes.Contains(got, []byte("<proceed")); !tls && (err != nil || !bytes.HasSuffix(got, []byte(footer))) {
				t.Errorf("%q ends with %.200q, %v", data, got[max(0, len(got)-200):], err)
			}
			c.Close()
			for _, line := range h.Log.Lines() {
				if strings.Contains(line, "panic") && !bytes.Contains(data, []byte("panic")) {
					t.Errorf("%q: %s", data, line)
				}
			}
		}
	})
}
