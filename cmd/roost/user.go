package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"golang.org/x/term"

	"roost/cmd/roost/conf"
	"roost/rosterdb"
	"roost/router/sasl"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// userCmd is `roost user …`.
type userCmd struct {
	configFlag
	Add    userAdd    `cmd:"" help:"Make an account; the password is asked for, or read from standard input."`
	Passwd userPasswd `cmd:"" help:"Change a password."`
	Remove userRemove `cmd:"" help:"Remove an account with its roster and stored messages."`
	List   userList   `cmd:"" help:"List the accounts of a domain, or of all."`
	Import userImport `cmd:"" help:"Make or replace accounts from lines of JID, space, password, or whole users from XEP-0227."`
	Export userExport `cmd:"" help:"Print whole users as XEP-0227, with their passwords or keys: accounts, rosters, messages, vCards, private XML."`
}

type userAdd struct {
	JID string `arg:"" help:"user@domain"`
}
type userPasswd struct {
	JID string `arg:"" help:"user@domain"`
}
type userRemove struct {
	JID string `arg:"" help:"user@domain"`
}
type userList struct {
	Domain string `arg:"" optional:"" help:"Only this domain."`
}
type userImport struct {
	File   string `arg:"" optional:"" help:"File of lines; default standard input."`
	Digest bool   `help:"Also keep what DIGEST-MD5 needs; it is as good as the password."`
	Format string `enum:"auto,lines,xep227" default:"auto" help:"lines, xep227, or auto: by the first byte."`
}

func (c *userAdd) Run(e *env, u *userCmd, inv *invocation) error {
	return manage(c, u.configFlag, e, inv)
}
func (c *userPasswd) Run(e *env, u *userCmd, inv *invocation) error {
	return manage(c, u.configFlag, e, inv)
}
func (c *userRemove) Run(e *env, u *userCmd, inv *invocation) error {
	return manage(c, u.configFlag, e, inv)
}
func (c *userList) Run(e *env, u *userCmd, inv *invocation) error {
	return manage(c, u.configFlag, e, inv)
}
func (c *userImport) Run(e *env, u *userCmd, inv *invocation) error {
	return manage(c, u.configFlag, e, inv)
}

func (c *userAdd) gather(e *env) error    { return gatherPassword(e, c.JID) }
func (c *userPasswd) gather(e *env) error { return gatherPassword(e, c.JID) }
func (c *userRemove) gather(*env) error   { return nil }
func (c *userList) gather(*env) error     { return nil }
func (c *userImport) gather(e *env) error { return file(c.File, e) }

// gatherPassword asks for a password twice at a terminal; elsewhere standard input has it.
func gatherPassword(e *env, who string) error {
	f, ok := e.in.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	ask := func(prompt string) ([]byte, error) {
		fmt.Fprint(e.err, prompt)
		b, err := term.ReadPassword(int(f.Fd()))
		fmt.Fprintln(e.err)
		return b, err
	}
	first, err := ask("Password for " + who + ": ")
	if err != nil {
		return err
	}
	again, err := ask("Again: ")
	if err != nil {
		return err
	}
	if !bytes.Equal(first, again) {
		return errors.New("the two passwords differ")
	}
	e.in = bytes.NewReader(append(first, '\n'))
	return nil
}

const maxPassword = 1023

// readPassword takes the first line of standard input.
func readPassword(e *env) (string, error) {
	line, err := bufio.NewReaderSize(io.LimitReader(e.in, maxPassword+2), maxPassword+2).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	line = strings.TrimRight(line, "\r\n")
	switch {
	case line == "":
		return "", errors.New("no password: give it on standard input")
	case len(line) > maxPassword:
		return "", fmt.Errorf("the password is longer than %d bytes", maxPassword)
	}
	return line, nil
}

// account checks the address of an account of ours.
func (a *admin) account(s string) (jid.JID, error) {
	j, err := jid.Parse(s)
	switch {
	case err != nil:
		return j, fmt.Errorf("%q is not an account, write user@domain: %w", s, err)
	case j.Local() == "" || !j.IsBare():
		return j, fmt.Errorf("%q is not an account, write user@domain", s)
	case !slices.Contains(served(a.cfg), j.Domain()):
		return j, fmt.Errorf("%s: this server does not serve %s; it serves %s", s, j.Domain(), strings.Join(served(a.cfg), ", "))
	}
	return j, nil
}

// warnUnused says when nobody can log in with an account of the embedded store, because every listener
// keeps its accounts elsewhere.
func (a *admin) warnUnused(e *env) {
	elsewhere := ""
	for _, l := range a.cfg.Listeners {
		for _, at := range l.Listens {
			for _, auth := range []*conf.Auth{at.Base.Plain, at.Base.Digest} {
				switch {
				case auth == nil:
				case auth.Scheme == "accounts":
					return
				case elsewhere == "":
					elsewhere = auth.URI
				}
			}
		}
	}
	if elsewhere != "" {
		fmt.Fprintf(e.err, "roost: note: no listener has the uri accounts://, so accounts of the embedded store cannot log in; the configuration names %s\n", elsewhere)
	}
}

// domains are those that a command is about: the one that was named, or all that we serve. One that
// is not served any more may still have accounts.
func (a *admin) domains(name string) ([]string, error) {
	if name == "" {
		return served(a.cfg), nil
	}
	j, err := jid.Parse(name)
	switch {
	case err != nil:
		return nil, fmt.Errorf("%q is not a domain: %w", name, err)
	case !j.IsDomain():
		return nil, fmt.Errorf("%q is not a domain", name)
	}
	return []string{j.String()}, nil
}

func (c *userAdd) do(a *admin, e *env) error {
	return a.password(e, c.JID, a.store.CreateAccount, "account %s added\n")
}

func (c *userPasswd) do(a *admin, e *env) error {
	return a.password(e, c.JID, a.store.SetPassword, "password of %s changed\n")
}

// password gives an account the password on standard input.
func (a *admin) password(e *env, who string, set func(jid.JID, string, rosterdb.AccountOptions) error, done string) error {
	j, err := a.account(who)
	if err != nil {
		return err
	}
	password, err := readPassword(e)
	if err != nil {
		return err
	}
	if err := set(j, password, accountOptions(a.cfg)); err != nil {
		return err
	}
	e.printf(done, j)
	a.warnUnused(e)
	return nil
}

// accountOptions says what is kept of a password: the secrets of DIGEST-MD5 only where a listener
// looks for them in the embedded store.
func accountOptions(cfg *conf.Config) (o rosterdb.AccountOptions) {
	for _, l := range cfg.Listeners {
		for _, at := range l.Listens {
			if d := at.Base.Digest; d != nil && d.Scheme == "accounts" {
				o.DigestRealms = append(o.DigestRealms, d.Realm)
			}
		}
	}
	if o.DigestRealms != nil {
		o.DigestRealms = append(o.DigestRealms, realms(cfg)...)
		slices.Sort(o.DigestRealms)
		o.DigestRealms = slices.Compact(o.DigestRealms)
	}
	return o
}

func (c *userRemove) do(a *admin, e *env) error {
	j, err := a.account(c.JID)
	if err != nil {
		return err
	}
	if a.live != nil {
		err = a.live.removeAccount(j)
	} else {
		_, err = a.store.DeleteAccount(j)
	}
	if err != nil {
		return err
	}
	e.printf("account %s removed\n", j)
	return nil
}

func (c *userList) do(a *admin, e *env) error {
	domains, err := a.domains(c.Domain)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(e.out)
	for _, d := range domains {
		err := a.store.Accounts(d, func(j jid.JID) error {
			_, err := fmt.Fprintln(w, j)
			return err
		})
		if err != nil {
			return err
		}
	}
	return w.Flush()
}

func (c *userImport) do(a *admin, e *env) error {
	var bad error
	opts := accountOptions(a.cfg)
	if c.Digest {
		opts.DigestRealms = realms(a.cfg)
	}
	in, portable := isPortable(c.Format, e.in)
	if portable {
		return a.importPortable(e, in, opts, false)
	}
	n, err := a.store.ImportAccounts(a.lines(in, &bad), opts)
	if err := errors.Join(bad, err); err != nil {
		return fmt.Errorf("%s imported, then: %w", count(n, "account"), err)
	}
	e.printf("%s imported\n", count(n, "account"))
	a.warnUnused(e)
	return nil
}

// maxImportLine bounds a line of an import, in bytes.
const maxImportLine = 64 << 10

// lines yields the accounts of an import; the first bad line ends it and is told in bad.
func (a *admin) lines(r io.Reader, bad *error) iter.Seq2[jid.JID, string] {
	return func(yield func(jid.JID, string) bool) {
		sc := bufio.NewScanner(r)
		sc.Buffer(nil, maxImportLine)
		n := 1
		for ; sc.Scan(); n++ {
			line := strings.TrimLeft(sc.Text(), " \t")
			if line == "" || strings.HasPrefix(line, "#") {
				continue
			}
			j, password, err := a.importUser(line)
			if err != nil {
				*bad = fmt.Errorf("line %d: %w", n, err)
				return
			}
			if !yield(j, password) {
				return
			}
		}
		switch err := sc.Err(); {
		case errors.Is(err, bufio.ErrTooLong):
			*bad = fmt.Errorf("line %d is too long: more than %d bytes", n, maxImportLine)
		case err != nil:
			*bad = fmt.Errorf("line %d: %w", n, err)
		}
	}
}

// importUser reads one line of an import: a JID, a space or tab, the password.
func (a *admin) importUser(line string) (j jid.JID, password string, err error) {
	end := strings.IndexAny(line, " \t")
	if end < 0 {
		end = len(line)
	}
	if j, err = a.account(line[:end]); err != nil {
		return j, "", err
	}
	if password = line[min(end+1, len(line)):]; password == "" {
		return j, "", fmt.Errorf("%s has no password: write user@domain, a space, and the password", j)
	}
	if len(password) > maxPassword {
		return j, "", fmt.Errorf("the password of %s is longer than %d bytes", j, maxPassword)
	}
	if _, err := sasl.PreparePassword(password); err != nil {
		return j, "", fmt.Errorf("the password of %s cannot be used: %w", j, err)
	}
	return j, password, nil
}

// removeAccount removes an account from a running server: its sessions end, its contacts see it go.
func (s *Server) removeAccount(j jid.JID) error {
	for _, ses := range s.router.Sessions(j) {
		s.router.Unbind(ses, "")
		ses.End(stanza.StreamNotAuthorized.With("the account was removed"))
	}
	if s.rosters != nil {
		if err := s.rosters.Cancel(j); err != nil {
			return err
		}
	}
	_, err := s.store.DeleteAccount(j)
	return err
}
