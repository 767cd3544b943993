package sasl

import (
	"context"
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// maxDigestResponse is the limit of RFC 2831 §2.1.2, in octets.
const maxDigestResponse = 4096

// digestMD5 is RFC 2831 with qop=auth only, which is what XMPP clients use
// under TLS or without.
type digestMD5 struct {
	env   *Env
	user  string
	nonce string // of this exchange alone: no response fits twice
	make  func() string
	step  digestStep
	told  error // what the store said besides the hash
}

type digestStep uint8

const (
	digestInitial digestStep = iota // no message yet
	digestSent                      // digest-challenge sent
	digestProved                    // rspauth sent
	digestOver
)

func newDigestMD5(e *Env, _ *row) Exchange { return &digestMD5{env: e, make: newNonce} }

func (d *digestMD5) User() string { return d.user }

func (d *digestMD5) Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error) {
	switch d.step {
	case digestInitial:
		// An initial response would be a subsequent authentication (RFC 2831
		// §2.2); nonces here are good once, so it is answered like none at all.
		if len(response) > maxDigestResponse {
			err = malformed("The message is too long.")
			break
		}
		d.step = digestSent
		d.nonce = d.make()
		return d.challenge(), false, nil
	case digestSent:
		if challenge, err = d.onResponse(ctx, response); err == nil {
			d.step = digestProved
			return challenge, false, nil
		}
	case digestProved:
		if len(response) == 0 { // RFC 2831 §2.1.3: the client has checked rspauth
			d.step = digestOver
			return nil, true, nil
		}
		err = malformed("The answer to rspauth has to be empty.")
	default:
		err = over()
	}
	d.step = digestOver
	return nil, false, err
}

// realm is the one that is offered.
func (d *digestMD5) realm() string {
	if d.env.Realm != "" {
		return d.env.Realm
	}
	return d.env.Domain
}

// challenge is the digest-challenge (RFC 2831 §2.1.1).
func (d *digestMD5) challenge() []byte {
	return fmt.Appendf(nil, `realm="%s",nonce="%s",qop="auth",charset=utf-8,algorithm=md5-sess`,
		quote(d.realm()), quote(d.nonce))
}

func quote(s string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s)
}

// onResponse checks the digest-response (RFC 2831 §2.1.2) and returns the
// response-auth of §2.1.3.
func (d *digestMD5) onResponse(ctx context.Context, response []byte) ([]byte, error) {
	r, err := parseDigestResponse(response)
	if err != nil {
		return nil, err
	}
	if err := d.checkResponse(r); err != nil {
		return nil, err
	}
	user, err := r.text("username")
	if err != nil {
		return nil, err
	}
	if d.user, err = prepUser(user); err != nil {
		return nil, notAuthorized(errors.Join(errAuthid, err))
	}
	authzid := r["authzid"] // always UTF-8 (RFC 2831 §2.1.2)
	if err := d.env.checkAuthzid(authzid, d.user); err != nil {
		return nil, err
	}
	ha1, err := d.lookup(ctx)
	if err != nil {
		return nil, err
	}
	a1 := string(ha1[:]) + ":" + d.nonce + ":" + r["cnonce"]
	if authzid != "" {
		a1 += ":" + authzid
	}
	want := r.digest(a1, "AUTHENTICATE:")
	if subtle.ConstantTimeCompare([]byte(want), []byte(strings.ToLower(r["response"]))) != 1 {
		return nil, notAuthorized(errors.Join(ErrPassword, d.told))
	}
	if d.told != nil {
		return nil, fromStore(d.told)
	}
	return []byte("rspauth=" + r.digest(a1, ":")), nil
}

// checkResponse checks everything but user and proof.
func (d *digestMD5) checkResponse(r directives) error {
	for _, name := range []string{"username", "nonce", "cnonce", "nc", "digest-uri", "response"} {
		if r[name] == "" {
			return malformed("The directive %s is missing.", name)
		}
	}
	realm, err := r.text("realm")
	if err != nil {
		return err
	}
	switch qop, ok := r["qop"]; {
	case ok && qop != "auth":
		return malformed("Only qop=auth was offered.")
	case len(r["response"]) != 32 || !isHex(r["response"]):
		return malformed("The response is not 32 hexadecimal digits.")
	case len(r["nc"]) != 8 || !isHex(r["nc"]):
		return malformed("The nonce count is not 8 hexadecimal digits.")
	case r["nonce"] != d.nonce:
		return notAuthorized(errors.New("the nonce is not the one of this exchange"))
	case r["nc"] != "00000001": // RFC 2831 §2.1.2: first and only use of the nonce
		return notAuthorized(errors.New("the nonce count is not 1"))
	case realm != d.realm():
		return notAuthorized(fmt.Errorf("the realm is %q, not %q", realm, d.realm()))
	case !d.isOurs(r["digest-uri"]):
		return notAuthorized(fmt.Errorf("the digest-uri %q is not for %s/%s", r["digest-uri"], d.service(), d.env.Domain))
	}
	return nil
}

func (d *digestMD5) service() string {
	if d.env.Service != "" {
		return d.env.Service
	}
	return "xmpp"
}

// isOurs reports whether a digest-uri is serv-type "/" domain. A response that
// was made for another service or domain is no use here (RFC 2831 §2.1.2).
func (d *digestMD5) isOurs(uri string) bool {
	service, host, ok := strings.Cut(uri, "/")
	return ok && strings.EqualFold(service, d.service()) && prepDomain(host) == prepDomain(d.env.Domain)
}

// lookup asks the store for the hash and makes one up for who has none.
func (d *digestMD5) lookup(ctx context.Context) (ha1 [16]byte, err error) {
	ha1, d.told = d.env.Digest.Digest(ctx, d.user, d.env.Domain, d.realm())
	if !answered(d.told) {
		return ha1, fromStore(d.told)
	}
	if d.told != nil && ha1 == [16]byte{} {
		ha1 = processDecoys().HA1(d.user, d.env.Domain, d.realm())
	}
	return ha1, nil
}

// digest is the response-value for a1 and the method of A2 (RFC 2831 §2.1.2.1).
func (r directives) digest(a1, method string) string {
	const qop = "auth"
	return hexMD5(hexMD5(a1) + ":" + r["nonce"] + ":" + r["nc"] + ":" + r["cnonce"] + ":" + qop + ":" +
		hexMD5(method+r["digest-uri"]))
}

func hexMD5(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

func isHex(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool {
		return !('0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'f')
	})
}

// directives are the parts of a digest-response by lower-case name, unquoted.
type directives map[string]string

// text is a directive as UTF-8: without charset=utf-8 it came in ISO 8859-1
// (RFC 2831 §2.1.2).
func (r directives) text(name string) (string, error) {
	s := r[name]
	if r["charset"] == "" {
		runes := make([]rune, len(s))
		for i := range len(s) {
			runes[i] = rune(s[i])
		}
		return string(runes), nil
	}
	if !utf8.ValidString(s) {
		return "", malformed("The directive %s is not UTF-8.", name)
	}
	return s, nil
}

// parseDigestResponse reads 1#directive with the list rule of RFC 2831 §7.1:
// empty elements and white space around elements do not count.
func parseDigestResponse(b []byte) (directives, error) {
	if len(b) > maxDigestResponse {
		return nil, malformed("The message is too long.")
	}
	r := directives{}
	s := string(b)
	for {
		s = strings.TrimLeft(s, ", \t\r\n")
		if s == "" {
			break
		}
		name, value, rest, ok := cutDirective(s)
		if !ok {
			return nil, malformed("The message is not a list of name=value.")
		}
		if _, twice := r[name]; twice { // RFC 2831 §2.1.2: at most once each
			return nil, malformed("A directive is there twice.")
		}
		r[name] = value
		s = rest
	}
	if c, ok := r["charset"]; ok && !strings.EqualFold(c, "utf-8") {
		return nil, malformed("The only charset is utf-8.")
	}
	return r, nil
}

// cutDirective reads token "=" ( token | quoted-string ) up to the next comma.
func cutDirective(s string) (name, value, rest string, ok bool) {
	name, s, ok = strings.Cut(s, "=")
	name = strings.ToLower(strings.TrimRight(name, " \t\r\n"))
	if !ok || !isToken(name) {
		return "", "", "", false
	}
	s = strings.TrimLeft(s, " \t\r\n")
	if strings.HasPrefix(s, `"`) {
		value, s, ok = cutQuoted(s[1:])
	} else {
		end := strings.IndexAny(s, ", \t\r\n")
		if end < 0 {
			end = len(s)
		}
		value, s = s[:end], s[end:]
		// digest-uri and the like are quoted; but "/" and ":" hurt nobody.
		ok = value != "" && !strings.ContainsAny(value, "\"\\\x00")
	}
	s = strings.TrimLeft(s, " \t\r\n")
	if !ok || s != "" && s[0] != ',' {
		return "", "", "", false
	}
	return name, value, s, true
}

// cutQuoted reads up to the closing quote; a backslash quotes what follows it.
func cutQuoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			return b.String(), s[i+1:], true
		case c == 0:
			return "", "", false
		case c == '\\':
			if i++; i == len(s) || s[i] == 0 {
				return "", "", false
			}
			fallthrough
		default:
			b.WriteByte(s[i])
		}
	}
	return "", "", false
}

// isToken: RFC 2831 §7.1.
func isToken(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(c rune) bool {
		return c <= ' ' || c >= 0x7F || strings.ContainsRune(`()<>@,;:\"/[]?={}`, c)
	})
}
