package conf

import (
	"strings"

	"roost/cmd/internal/ecconf"
)

// tls resolves the TLS options along a chain. The word none cancels what a
// wider scope sets.
func (r *resolver) tls(v ecconf.View) TLS {
	t := TLS{
		Certificate: v.Text("tls_certificate"), Key: v.Text("tls_key"),
		Ciphers: v.Text("tls_ciphers"), ClientCA: v.Text("tls_client_ca"),
		VerifyMode: r.verifyMode(v), KeyExchange: v.Text("tls_key_exchange"),
	}
	t.Generated = t.Certificate == ""
	for _, f := range []*string{&t.Certificate, &t.Key, &t.Ciphers, &t.ClientCA} {
		if isNone(*f) {
			*f = ""
		}
	}
	switch {
	case t.Certificate != "":
		r.certificate(t, v.Pos("tls_certificate"))
	case !t.Generated: // cancelled: nothing of it is left
		return TLS{VerifyMode: t.VerifyMode}
	case t.Key != "":
		r.errs.Addf(v.Pos("tls_key"), "tls_key = %q without a tls_certificate: set both", t.Key)
	}
	if t.ClientCA != "" {
		r.cfg.files = append(r.cfg.files, fileRef{kind: refCA, pos: v.Pos("tls_client_ca"), path: t.ClientCA, option: "tls_client_ca"})
	}
	if t.Ciphers != "" {
		r.ciphers(t.Ciphers, v.Pos("tls_ciphers"))
	}
	return t
}

// verifyMode reduces tls_verify_mode to three words. Any word but none and
// require means that what is presented is checked; one that nobody would
// choose is worth a warning.
func (r *resolver) verifyMode(v ecconf.View) string {
	switch word := strings.ToLower(v.Text("tls_verify_mode")); word {
	case "none", "require":
		return word
	case "verify", "optional", "request", "ifpresented":
	default:
		r.warns.Addf(v.Pos("tls_verify_mode"), "tls_verify_mode = %q is neither none nor require; taken as verify: a certificate that is presented is checked, none is demanded", word)
	}
	return "verify"
}

func (r *resolver) certificate(t TLS, at ecconf.Pos) {
	r.cfg.files = append(r.cfg.files, fileRef{kind: refCertificate, pos: at, path: t.Certificate, key: t.Key, option: "tls_certificate"})
}

func (r *resolver) ciphers(s string, at ecconf.Pos) {
	r.cfg.files = append(r.cfg.files, fileRef{kind: refCiphers, pos: at, path: s, option: "tls_ciphers"})
}

// auth resolves one of the authentication dictionaries, nil when it is unset.
func (r *resolver) auth(v ecconf.View, name string) *Auth {
	d := v.Dict(name)
	if d == nil {
		return nil
	}
	a := &Auth{Pos: d.Pos, URI: d.Text("uri"), LogAttempts: d.Bool("log_authentication"), Realm: r.cfg.Hostname}
	scheme, rest, err := ecconf.SplitURI(a.URI)
	if err != nil {
		return nil
	}
	a.Scheme = scheme
	if scheme == "file" || scheme == "digest" {
		a.Path, _ = filePath(scheme, rest)
		uri, _ := d.Get("uri")
		r.cfg.files = append(r.cfg.files, fileRef{kind: refPasswords, pos: uri.Pos, path: a.Path, scheme: scheme, option: "uri in " + name})
	}
	if name == "AuthDigestMD5Parameters" {
		r.digest(d, a)
	}
	return a
}

// digest resolves the keys that only DIGEST-MD5 has. Whether a store holds
// clear text follows from its scheme; saying otherwise is a mistake.
func (r *resolver) digest(d *ecconf.DictView, a *Auth) {
	if realm := d.Text("realm"); realm != "" {
		a.Realm = realm
	}
	a.StoredCleartext = a.Scheme == "file"
	set, ok := d.Get("stored_cleartext")
	if !ok || d.Bool("stored_cleartext") == a.StoredCleartext {
		return
	}
	holds := map[bool]string{true: "clear text", false: "hashes"}
	r.errs.Addf(set.Pos, "stored_cleartext = %s: a %s:// store holds %s; leave the key out", set.Text, a.Scheme, holds[a.StoredCleartext])
}
