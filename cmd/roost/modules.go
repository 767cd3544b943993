package main

import (
	"errors"
	"time"

	"roost/cmd/roost/conf"
	"roost/rosterdb"
	"roost/router"
	"roost/router/c2s"
	"roost/router/roster"
	"roost/router/xep/contact"
	"roost/router/xep/disco"
	"roost/router/xep/enttime"
	"roost/router/xep/last"
	"roost/router/xep/ping"
	"roost/router/xep/private"
	"roost/router/xep/register"
	"roost/router/xep/vcard"
	"roost/router/xep/version"
	"roost/xmlstream/jid"
)

// modules registers what the server answers, top to bottom. disco announces all of it.
func (s *Server) modules() error {
	r, front := s.router, s.c2s
	r.Handle(c2s.Rows()...)
	r.AddFeature(router.ToServer, "msgoffline") // XEP-0160 §4
	if s.conf().Presence {
		s.rosters = roster.Register(r, s.store, s.exists, rosterdb.Limits{})
		front.Features = roster.StreamFeatures()
		if err := s.delegate(); err != nil {
			return err
		}
	}
	ping.Register(r)
	version.Register(r, version.Info{Name: "Roost", Version: versionNumber}) // XEP-0092 §5: no word of the system
	enttime.Register(r, time.Now)
	blobs := blobStore{s.store}
	last.Register(r, blobs, time.Now, s.log)
	vcard.Register(r, blobs, vcard.Limits{})
	private.Register(r, blobs, private.Limits{})
	if err := contact.Register(r, contacts(s.conf())); err != nil {
		return err
	}
	front.Registrar = register.Register(r, register.Options{Accounts: &registration{s.store, s.exists, func() rosterdb.AccountOptions { return accountOptions(s.conf()) }},
		Subscriptions: s, Open: s.openTo, Log: s.log})
	front.Caps = disco.Register(r, disco.Options{}).StreamFeature
	return nil
}

// Cancel implements register.Subscriptions.
func (s *Server) Cancel(user jid.JID) error {
	if s.rosters == nil {
		return nil
	}
	return s.rosters.Cancel(user)
}

// contacts gathers the addresses of XEP-0157; they describe the whole server.
func contacts(cfg *conf.Config) (a contact.Addresses) {
	fields := map[string]*[]string{"abuse": &a.Abuse, "admin": &a.Admin, "feedback": &a.Feedback, "sales": &a.Sales,
		"security": &a.Security, "status": &a.Status, "support": &a.Support}
	for _, d := range cfg.Served() {
		for _, c := range d.Contacts {
			if f := fields[c.Role]; f != nil {
				*f = append(*f, c.URIs...)
			}
		}
	}
	return a
}

// openTo tells whether strangers may register in a domain.
func (s *Server) openTo(domain string) bool { return s.now.Load().open[domain] }

// registration is the embedded store as XEP-0077 sees it. Accounts of password files cannot be
// changed from here.
type registration struct {
	store  rosterdb.Store
	exists *existence
	keep   func() rosterdb.AccountOptions
}

func (g *registration) Create(user jid.JID, password string) error {
	if g.exists.inFile(user) {
		return register.ErrExists
	}
	return asRegister(g.store.CreateAccount(user, password, g.keep()))
}

func (g *registration) SetPassword(user jid.JID, password string) error {
	if g.exists.inFile(user) {
		return register.ErrReadOnly
	}
	return asRegister(g.store.SetPassword(user, password, g.keep()))
}

// Removable implements register.Accounts.
func (g *registration) Removable(user jid.JID) error {
	if g.exists.inFile(user) {
		return register.ErrReadOnly
	}
	ok, err := g.store.AccountExists(user)
	if err == nil && !ok {
		return register.ErrNoAccount
	}
	return asRegister(err)
}

func (g *registration) Remove(user jid.JID) error {
	if g.exists.inFile(user) {
		return register.ErrReadOnly
	}
	_, err := g.store.DeleteAccount(user)
	return asRegister(err)
}

// asRegister maps the store's errors to those of XEP-0077.
func asRegister(err error) error {
	for from, to := range map[error]error{rosterdb.ErrExists: register.ErrExists,
		rosterdb.ErrNoAccount: register.ErrNoAccount, rosterdb.ErrReadOnly: register.ErrReadOnly} {
		if errors.Is(err, from) {
			return errors.Join(to, err)
		}
	}
	return err
}
