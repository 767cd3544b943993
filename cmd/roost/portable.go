package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"roost/rosterdb"
	"roost/rosterdb/xep0227"
	"roost/xmlstream"
	"roost/xmlstream/jid"
)

// userExport is `roost user export`.
type userExport struct {
	Domain string `arg:"" optional:"" help:"Only this domain."`
}

func (c *userExport) Run(e *env, u *userCmd, inv *invocation) error {
	return manage(c, u.configFlag, e, inv)
}

func (c *userExport) gather(*env) error { return nil }

func (c *userExport) do(a *admin, e *env) error { return a.exportPortable(e, c.Domain, false) }

// Names of formats on the command line.
const (
	formatAuto     = "auto"
	formatPortable = "xep227"
)

// wholeUsers is a store whose users can be carried elsewhere and come from there.
type wholeUsers interface {
	xep0227.Source
	PutCredentials(j jid.JID, c rosterdb.Credentials, o rosterdb.AccountOptions) error
}

func (a *admin) wholeUsers() (wholeUsers, error) {
	if db, ok := a.store.(wholeUsers); ok {
		return db, nil
	}
	return nil, errors.New("this store cannot be carried over by XEP-0227")
}

// isPortable decides the format of an import: what was asked for, or by the first byte that is no space.
// in is to be read instead of r.
func isPortable(format string, r io.Reader) (in *bufio.Reader, portable bool) {
	in = bufio.NewReaderSize(r, 64<<10)
	if format != formatAuto {
		return in, format == formatPortable
	}
	for n := 1; n < in.Size(); n++ {
		b, err := in.Peek(n)
		if err != nil {
			break
		}
		if !bytes.Contains([]byte(" \t\r\n\xef\xbb\xbf"), b[n-1:]) {
			return in, b[n-1] == '<'
		}
	}
	return in, false
}

// importPortable reads a document of XEP-0227: whole users, or of each only the roster.
func (a *admin) importPortable(e *env, in io.Reader, o rosterdb.AccountOptions, rostersOnly bool) error {
	db, err := a.wholeUsers()
	if err != nil {
		return err
	}
	to := xep0227.ImportOptions{Owner: a.account, Roster: a.putPortable, Fatal: isFatal}
	if !rostersOnly {
		to.Credentials = func(owner jid.JID, c rosterdb.Credentials) error { return db.PutCredentials(owner, c, o) }
		to.Offline = a.putMessages
		to.Document = a.putDocument
	}
	r, err := xep0227.Import(e.ctx, in, to)
	done := fmt.Sprintf("%s imported: %s, %s, %s, %s", count(r.Users, "user"), count(r.Accounts, "account"),
		count(r.Rosters, "roster"), count(r.Messages, "message"), count(r.Documents, "document"))
	if rostersOnly {
		done = count(r.Rosters, "roster") + " imported"
	}
	if err != nil {
		return fmt.Errorf("%s, then: %w; when that is put right import all of it again, which replaces what is there", done, err)
	}
	e.printf("%s\n", done)
	tellNotes(e, r)
	if !rostersOnly {
		a.warnUnused(e)
	}
	return r.Err()
}

// tellNotes says what was not carried over.
func tellNotes(e *env, r xep0227.Report) {
	for _, note := range r.Notes() {
		fmt.Fprintf(e.err, "roost: note: %s\n", note)
	}
}

// isFatal reports whether an error would be that of every other user, too.
func isFatal(err error) bool {
	for _, kind := range []error{rosterdb.ErrNoSpace, rosterdb.ErrReadOnly, rosterdb.ErrClosed, context.Canceled} {
		if errors.Is(err, kind) {
			return true
		}
	}
	return false
}

// putPortable stores a roster, as every import does.
func (a *admin) putPortable(owner jid.JID, ro *rosterdb.Roster) error {
	if a.owned(owner) != nil {
		return xep0227.ErrElsewhere
	}
	return a.put(owner, ro)
}

// importedMessages bounds the messages of one user that an import brings; what the domain allows is for
// those that come later.
var importedMessages = rosterdb.OfflineLimits{MaxMessages: 50_000, MaxBytes: 1 << 30}

// putMessages stores messages that wait; one that is there already, from an import before, is not stored again.
func (a *admin) putMessages(owner jid.JID, stanzas [][]byte) error {
	have := map[string]bool{}
	err := a.store.Offline(owner, func(_ uint64, stanza []byte) error {
		have[string(stanza)] = true
		return nil
	})
	if err != nil {
		return err
	}
	for _, s := range stanzas {
		if have[string(s)] {
			continue
		}
		if _, err := xmlstream.ParseElement(s, nil); err != nil {
			return fmt.Errorf("a message that no client could be sent: %w", err)
		}
		if err := a.store.AddOffline(owner, s, importedMessages); err != nil {
			return err
		}
	}
	return nil
}

// maxDocument bounds a document that an import brings, in bytes; the store has its own limit.
const maxDocument = 1 << 20

func (a *admin) putDocument(owner jid.JID, namespace string, doc []byte) error {
	if _, err := xmlstream.ParseElement(doc, &xmlstream.Limits{MaxStanza: maxDocument, MaxDepth: 1 << 10, MaxAttrs: 256, MaxNamespaces: 1 << 10}); err != nil {
		return fmt.Errorf("the document %s, which no client could be sent: %w", namespace, err)
	}
	return a.store.SetBlob(owner, namespace, doc, maxDocument)
}

// exportPortable writes a document of XEP-0227 with the users of a domain, or of all.
func (a *admin) exportPortable(e *env, domain string, rostersOnly bool) error {
	db, err := a.wholeUsers()
	if err != nil {
		return err
	}
	domains, err := a.domains(domain)
	if err != nil {
		return err
	}
	r, err := xep0227.Export(e.out, db, xep0227.ExportOptions{Domains: domains, RostersOnly: rostersOnly})
	if err != nil {
		return err
	}
	tellNotes(e, r)
	return r.Err()
}
