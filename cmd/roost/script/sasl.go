package script

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"
	"strings"
)

// credentials are what a login uses.
type credentials struct {
	user, domain, pass, authzid string
	mech                        string
	binding                     string // channel binding type of -PLUS
	flag                        string // GS2 flag in place of the right one
}

// A mechanism is the client's side: step answers a challenge, nil is the first call.
type mechanism interface {
	step(challenge []byte) ([]byte, error)
	// finish checks the data of <success/>.
	finish(data []byte) error
}

// newMechanism is written apart from the server's mechanisms, so that both do not share a fault.
func newMechanism(c credentials, conn *tls.Conn) (mechanism, error) {
	name, plus := strings.CutSuffix(c.mech, "-PLUS")
	hashes := map[string]func() hash.Hash{"SCRAM-SHA-1": sha1.New, "SCRAM-SHA-256": sha256.New, "SCRAM-SHA-512": sha512.New}
	switch {
	case name == "PLAIN":
		return oneShot(c.authzid + "\x00" + c.user + "\x00" + c.pass), nil
	case name == "EXTERNAL":
		return oneShot(c.authzid), nil
	case name == "DIGEST-MD5":
		return &digestMD5{c: c}, nil
	case hashes[name] != nil:
		s := &scram{c: c, hash: hashes[name], gs2: "n,"}
		if plus {
			var err error
			if s.data, err = bindingData(c.binding, conn); err != nil {
				return nil, err
			}
			s.gs2 = "p=" + c.binding + ","
		}
		if c.flag != "" {
			s.gs2 = c.flag + ","
		}
		if c.authzid != "" {
			s.gs2 += "a=" + c.authzid
		}
		s.gs2 += ","
		return s, nil
	}
	return nil, fmt.Errorf("the harness does not know the mechanism %q", c.mech)
}

type oneShot string

func (o oneShot) step(challenge []byte) ([]byte, error) {
	if challenge != nil {
		return nil, errors.New("a challenge after the whole of the credentials")
	}
	return []byte(o), nil
}

func (o oneShot) finish([]byte) error { return nil }

// bindingData is RFC 9266 (tls-exporter) or RFC 5929 (tls-server-end-point).
func bindingData(kind string, conn *tls.Conn) ([]byte, error) {
	if conn == nil {
		return nil, errors.New("channel binding needs TLS")
	}
	st := conn.ConnectionState()
	switch kind {
	case "tls-exporter":
		return st.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
	case "tls-server-end-point":
		sum := sha256.Sum256(st.PeerCertificates[0].Raw) // our certificates are ECDSA with SHA-256
		return sum[:], nil
	}
	return nil, fmt.Errorf("the harness does not know the channel binding %q", kind)
}

// scram is RFC 5802.
type scram struct {
	c                       credentials
	hash                    func() hash.Hash
	gs2, nonce, first, auth string
	data, salted            []byte
	steps                   int
}

func (s *scram) mac(key, data []byte) []byte {
	h := hmac.New(s.hash, key)
	h.Write(data)
	return h.Sum(nil)
}

func (s *scram) step(challenge []byte) ([]byte, error) {
	s.steps++
	switch s.steps {
	case 1:
		s.nonce = rand.Text()
		s.first = "n=" + strings.NewReplacer("=", "=3D", ",", "=2C").Replace(s.c.user) + ",r=" + s.nonce
		return []byte(s.gs2 + s.first), nil
	case 2:
		return s.final(string(challenge))
	}
	// RFC 6120 §6.4.6 lets the server send its signature as a challenge.
	return []byte{}, s.finish(challenge)
}

func (s *scram) final(challenge string) ([]byte, error) {
	f := map[string]string{}
	for part := range strings.SplitSeq(challenge, ",") {
		k, v, _ := strings.Cut(part, "=")
		f[k] = v
	}
	salt, err := base64.StdEncoding.DecodeString(f["s"])
	iter, err2 := strconv.Atoi(f["i"])
	if err := errors.Join(err, err2); err != nil {
		return nil, fmt.Errorf("challenge %q: %w", challenge, err)
	}
	if !strings.HasPrefix(f["r"], s.nonce) || len(f["r"]) == len(s.nonce) {
		return nil, fmt.Errorf("nonce %q does not continue ours", f["r"])
	}
	h := s.hash()
	if s.salted, err = pbkdf2.Key(s.hash, s.c.pass, salt, iter, h.Size()); err != nil {
		return nil, err
	}
	client := s.mac(s.salted, []byte("Client Key"))
	h.Write(client)
	bare := "c=" + base64.StdEncoding.EncodeToString(append([]byte(s.gs2), s.data...)) + ",r=" + f["r"]
	s.auth = s.first + "," + challenge + "," + bare
	proof := s.mac(h.Sum(nil), []byte(s.auth))
	for i := range proof {
		proof[i] ^= client[i]
	}
	return []byte(bare + ",p=" + base64.StdEncoding.EncodeToString(proof)), nil
}

func (s *scram) finish(data []byte) error {
	want := "v=" + base64.StdEncoding.EncodeToString(s.mac(s.mac(s.salted, []byte("Server Key")), []byte(s.auth)))
	if string(data) != want {
		return fmt.Errorf("the server's signature is %q, want %q", data, want)
	}
	return nil
}

// digestMD5 is RFC 2831.
type digestMD5 struct {
	c     credentials
	want  string // rspauth
	steps int
}

func (d *digestMD5) step(challenge []byte) ([]byte, error) {
	d.steps++
	switch d.steps {
	case 1:
		return nil, nil
	case 2:
		return d.answer(string(challenge))
	}
	return []byte{}, d.finish(challenge)
}

func (d *digestMD5) answer(challenge string) ([]byte, error) {
	f := map[string]string{"realm": d.c.domain}
	for s := challenge; s != ""; {
		k, rest, ok := strings.Cut(s, "=")
		if !ok {
			return nil, fmt.Errorf("challenge %q", challenge)
		}
		v := ""
		if strings.HasPrefix(rest, `"`) {
			v, rest, _ = strings.Cut(rest[1:], `"`)
			s = strings.TrimPrefix(rest, ",")
		} else {
			v, s, _ = strings.Cut(rest, ",")
		}
		f[strings.TrimSpace(k)] = v
	}
	sum := func(s string) string { m := md5.Sum([]byte(s)); return string(m[:]) }
	hx := func(s string) string { return hex.EncodeToString([]byte(s)) }
	cnonce, uri := rand.Text(), "xmpp/"+d.c.domain
	a1 := sum(d.c.user+":"+f["realm"]+":"+d.c.pass) + ":" + f["nonce"] + ":" + cnonce
	if d.c.authzid != "" {
		a1 += ":" + d.c.authzid
	}
	middle := ":" + f["nonce"] + ":00000001:" + cnonce + ":auth:"
	response := hx(sum(hx(sum(a1)) + middle + hx(sum("AUTHENTICATE:"+uri))))
	d.want = "rspauth=" + hx(sum(hx(sum(a1))+middle+hx(sum(":"+uri))))
	out := fmt.Sprintf(`username="%s",realm="%s",nonce="%s",cnonce="%s",nc=00000001,qop=auth,digest-uri="%s",response=%s,charset=utf-8`,
		d.c.user, f["realm"], f["nonce"], cnonce, uri, response)
	if d.c.authzid != "" {
		out += `,authzid="` + d.c.authzid + `"`
	}
	return []byte(out), nil
}

func (d *digestMD5) finish(data []byte) error {
	if len(data) > 0 && string(data) != d.want {
		return fmt.Errorf("the server answers %q, want %q", data, d.want)
	}
	return nil
}
