package netio

import (
	"bytes"
	"crypto/tls"
	"encoding/hex"
	"io"
	"slices"

	"roost/netio/record"
)

// A keyLog watches one handshake for what must be known to go on without
// crypto/tls (TLS 1.3 only): the application traffic secrets, which crypto/tls
// shows to tls.Config.KeyLogWriter, and how many records were sent under ours.
// nil watches nothing. The handshake's goroutine only.
type keyLog struct {
	next           io.Writer // the configuration's own KeyLogWriter, or nil
	client, server []byte    // secrets
	flight         []byte    // records written since they are known
}

// watch returns a copy of cfg, for one handshake, that shows its secrets to k and
// shares cfg's session tickets.
func (k *keyLog) watch(cfg *tls.Config) *tls.Config {
	own := k.copyOf(cfg, cfg)
	if choose := cfg.GetConfigForClient; choose != nil {
		own.GetConfigForClient = func(hi *tls.ClientHelloInfo) (*tls.Config, error) {
			chosen, err := choose(hi)
			if err != nil || chosen == nil {
				return nil, err
			}
			if chosen.WrapSession != nil && !slices.Contains(hi.SupportedVersions, tls.VersionTLS13) {
				return chosen, nil // crypto/tls would keep the copy for as long as the connection lives
			}
			return k.copyOf(chosen, cfg), nil
		}
	}
	return own
}

// copyOf returns a copy of cfg that shows its secrets to k. A copy would make
// ticket keys of its own and resume nothing, so it has its tickets made, and
// read, by owner, as crypto/tls would have.
func (k *keyLog) copyOf(cfg, owner *tls.Config) *tls.Config {
	own := cfg.Clone()
	k.next = cfg.KeyLogWriter
	own.KeyLogWriter = k
	if own.WrapSession == nil && own.UnwrapSession == nil && !own.SessionTicketsDisabled && !owner.SessionTicketsDisabled {
		own.WrapSession, own.UnwrapSession = owner.EncryptTicket, owner.DecryptTicket
	}
	return own
}

// Write implements io.Writer for tls.Config.KeyLogWriter: a line is a label, the
// client's random and the secret, in hexadecimal. All handshakes of the process
// wait for each other here.
func (k *keyLog) Write(line []byte) (int, error) {
	var to *[]byte
	switch f := bytes.Fields(line); {
	case len(f) != 3:
	case string(f[0]) == "CLIENT_TRAFFIC_SECRET_0":
		to = &k.client
	case string(f[0]) == "SERVER_TRAFFIC_SECRET_0":
		to = &k.server
	}
	if to != nil {
		*to, _ = hex.AppendDecode(nil, bytes.Fields(line)[2]) // a wrong one is not taken by record.New
	}
	if k.next != nil {
		return k.next.Write(line)
	}
	return len(line), nil
}

// wrote notes what crypto/tls has written.
func (k *keyLog) wrote(p []byte) {
	if k != nil && k.client != nil && k.server != nil {
		k.flight = append(k.flight, p...)
	}
}

// take returns the record state with which a connection goes on after its
// handshake; false: crypto/tls must go on itself.
func (k *keyLog) take(st *tls.ConnectionState, client bool) (record.State, bool) {
	if k == nil || st.Version != tls.VersionTLS13 {
		return record.State{}, false
	}
	s, err := record.New(st.CipherSuite, client, k.client, k.server)
	if err != nil {
		return s, false
	}
	// The last records may be under the application secret already: session
	// tickets. They are told from those of the handshake by opening them.
	counting := false
	for b := k.flight; len(b) > 0; {
		n := recordLen(b)
		if n == 0 || n > len(b) {
			return s, false
		}
		sent := s.Sent(b[:n])
		if counting && !sent {
			return s, false
		}
		counting = sent
		b = b[n:]
	}
	return s, true
}
