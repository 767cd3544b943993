package conf

import (
	"path/filepath"
	"slices"

	"roost/cmd/internal/ecconf"
)

// endpoint is one socket for the rule that no two want the same.
type endpoint struct {
	addr   Address
	pos    ecconf.Pos
	label  string
	enable bool
}

// defaultHTTP is where HTTP listens when no Listen says otherwise: the status
// page and roster refresh, and the bulk load of rosters.
var defaultHTTP = []string{"127.0.0.1:5280", "127.0.0.1:8098"}

// controlSocket is the console's socket in the data directory.
const controlSocket = "control.sock"

// control reads the Control_Listener stanza; without a Listen the built-in one
// is used.
func (r *resolver) control() {
	b := r.stanza("control_listener")
	if len(b.All("control_listen")) == 0 {
		r.builtinControl(b)
	}
	r.roles(b)
	for _, c := range b.All("control_listen") {
		v := r.tree.View(c, b)
		addr, err := ParseAddress(c.Name)
		if err != nil {
			continue // reported by the table
		}
		on := v.Bool("enable") && r.tree.View(b).Bool("enable")
		r.ends = append(r.ends, endpoint{addr, c.Pos, "Control_Listener's " + c.Label(), on})
		if on {
			r.cfg.Control.Listens = append(r.cfg.Control.Listens, Endpoint{Address: addr, Pos: c.Pos, FileMode: v.Mode("file_mode")})
		}
	}
}

func (r *resolver) builtinControl(b *ecconf.Block) {
	v := r.tree.View(b)
	if !v.Bool("enable") {
		return
	}
	path := filepath.Join(r.cfg.DataDir, controlSocket)
	if !filepath.IsAbs(path) {
		path = "." + string(filepath.Separator) + path // a path must hold a slash
	}
	addr, err := ParseAddress(path)
	if err != nil {
		r.errs.Addf(r.tree.View().Pos("Data_Dir"), "the control socket %q in Data_Dir: %v", path, err)
		return
	}
	r.ends = append(r.ends, endpoint{addr, b.Pos, "the built-in Control_Listener", true})
	r.cfg.Control.Listens = []Endpoint{{Address: addr, FileMode: v.Mode("file_mode")}}
}

// http reads the HTTP_Listener stanza; without a Listen the built-in ones are used.
func (r *resolver) http() {
	b := r.stanza("http_listener")
	if len(b.Blocks) == 0 && r.tree.View(b).Bool("enable") {
		for _, s := range defaultHTTP {
			if addr, err := ParseAddress(s); err == nil {
				r.httpListen(addr, "the built-in HTTP_Listener "+s, b)
			}
		}
	}
	for _, c := range b.All("http_listen") {
		if addr, err := ParseAddress(c.Name); err == nil {
			r.httpListen(addr, "HTTP_Listener's "+c.Label(), c, b)
		}
	}
}

// httpListen adds one socket; blocks are its scopes, most specific first.
func (r *resolver) httpListen(addr Address, label string, blocks ...*ecconf.Block) {
	v, at, on := r.tree.View(blocks...), blocks[0].Pos, true
	for _, b := range blocks { // a listener that is off switches its Listens off
		on = on && r.tree.View(b).Bool("enable")
	}
	r.ends = append(r.ends, endpoint{addr, at, label, on})
	e := Endpoint{Address: addr, Pos: at, FileMode: v.Mode("file_mode"), Token: token(v.Text("Auth_Token"))}
	refused := slices.ContainsFunc(blocks, func(b *ecconf.Block) bool { s := b.Get("Auth_Token"); return s != nil && s.Bad })
	if on && e.Token.IsZero() && !refused && !addr.IsLoopback() {
		r.errs.Addf(at, "%s can be reached from other machines, so it needs an Auth_Token (a literal, or file:///path)", label)
	}
	if e.Token.File != "" {
		r.cfg.files = append(r.cfg.files, fileRef{kind: refToken, pos: v.Pos("Auth_Token"), path: e.Token.File, option: "Auth_Token"})
	}
	if on {
		r.cfg.HTTP.Listens = append(r.cfg.HTTP.Listens, e)
	}
}

func token(s string) Token {
	scheme, rest, err := ecconf.SplitURI(s)
	if err != nil || scheme != "file" {
		return Token{Literal: s}
	}
	path, _ := filePath(scheme, rest)
	return Token{File: path}
}

// endpoints refuses two stanzas for one socket: the same address twice, or a
// wildcard over an address that another one wants.
func (r *resolver) endpoints() {
	first := map[socketKey]endpoint{} // the first that holds each key
	for _, e := range r.ends {
		for _, k := range e.clashes() {
			if f, taken := first[k]; taken {
				r.clash(e, f)
				break
			}
		}
		for _, k := range e.holds() {
			if _, taken := first[k]; !taken {
				first[k] = e
			}
		}
	}
}

// socketKey is something that only one endpoint may have: an address as such,
// or, for those that are enabled, a port of a family as wildcard or at all.
type socketKey struct {
	what string // "address", "any", "some"
	addr string // with what "address"
	port uint16
	four bool
}

func (e endpoint) key(what string) socketKey {
	if what == "address" {
		text := e.addr.Text
		if e.addr.IsUnix() {
			text = e.addr.Path
		}
		return socketKey{what: what, addr: text}
	}
	return socketKey{what: what, port: e.addr.IP.Port(), four: e.addr.IP.Addr().Is4()}
}

// holds lists what e takes for itself; port 0 takes nothing.
func (e endpoint) holds() []socketKey {
	switch {
	case e.addr.IsUnix():
		return []socketKey{e.key("address")}
	case e.addr.IP.Port() == 0:
		return nil
	case !e.enable:
		return []socketKey{e.key("address")}
	case e.addr.IP.Addr().IsUnspecified():
		return []socketKey{e.key("address"), e.key("some"), e.key("any")}
	}
	return []socketKey{e.key("address"), e.key("some")}
}

// clashes lists what must not be taken when e comes.
func (e endpoint) clashes() []socketKey {
	switch {
	case e.addr.IsUnix() || !e.enable || e.addr.IP.Port() == 0:
		return []socketKey{e.key("address")}
	case e.addr.IP.Addr().IsUnspecified():
		return []socketKey{e.key("address"), e.key("some")}
	}
	return []socketKey{e.key("address"), e.key("any")}
}

// clash reports e, which comes after f; what is built in has no place, so the
// report then goes to the other.
func (r *resolver) clash(e, f endpoint) {
	if e.pos.IsZero() {
		e, f = f, e
	}
	where := "which is built in"
	if !f.pos.IsZero() {
		where = "on line " + lineOf(f.pos, e.pos)
	}
	r.errs.Addf(e.pos, "%s wants the same socket as %s, %s: give them different addresses or ports", e.label, f.label, where)
}
