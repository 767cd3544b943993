package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// rosterCmd is `roost roster …`.
type rosterCmd struct {
	configFlag
	Show   rosterShow   `cmd:"" help:"Print rosters as JSON: contact JID to name, groups, subscription, pending_requests."`
	Set    rosterSet    `cmd:"" help:"Replace a roster by the JSON object on standard input."`
	Import rosterImport `cmd:"" help:"Replace rosters by JSON Lines, {\"jid\":\"user@domain\",\"roster\":{…}} each, or by those of XEP-0227."`
	Export rosterExport `cmd:"" help:"Print the rosters of a domain, or of all, as JSON Lines or XEP-0227."`
}

type rosterShow struct {
	JIDs []string `arg:"" name:"jid" help:"user@domain"`
}
type rosterSet struct {
	JID  string `arg:"" help:"user@domain"`
	File string `arg:"" optional:"" help:"File with the JSON object; default standard input."`
}
type rosterExport struct {
	Domain string `arg:"" optional:"" help:"Only this domain."`
	Format string `enum:"jsonl,xep227" default:"jsonl" help:"jsonl or xep227."`
}

func (c *rosterShow) Run(e *env, r *rosterCmd, inv *invocation) error {
	return manage(c, r.configFlag, e, inv)
}
func (c *rosterSet) Run(e *env, r *rosterCmd, inv *invocation) error {
	return manage(c, r.configFlag, e, inv)
}
func (c *rosterExport) Run(e *env, r *rosterCmd, inv *invocation) error {
	return manage(c, r.configFlag, e, inv)
}

func (c *rosterShow) gather(*env) error   { return nil }
func (c *rosterSet) gather(e *env) error  { return file(c.File, e) }
func (c *rosterExport) gather(*env) error { return nil }

// maxRosterJSON bounds one roster in bytes of JSON: 2 000 contacts with long names and groups.
const maxRosterJSON = 16 << 20

func (c *rosterShow) do(a *admin, e *env) error {
	for _, s := range c.JIDs {
		j, err := a.account(s)
		if err != nil {
			return err
		}
		ro, err := a.roster(j)
		if err != nil {
			return err
		}
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, rosterdb.RosterJSON(ro), "", "  "); err != nil {
			return err
		}
		e.printf("%s\n", pretty.Bytes())
	}
	return nil
}

func (c *rosterSet) do(a *admin, e *env) error {
	j, err := a.account(c.JID)
	if err != nil {
		return err
	}
	b, err := readAll(e.in, maxRosterJSON, "the roster")
	if err != nil {
		return err
	}
	if err := a.replace(j, b); err != nil {
		return err
	}
	e.printf("roster of %s replaced\n", j)
	return nil
}

// replace puts a roster in place of another; people on line hear of it.
func (a *admin) replace(owner jid.JID, b []byte) error {
	ro, err := rosterdb.ParseRosterJSON(b)
	if err != nil {
		return fmt.Errorf("roster of %s: %w", owner, err)
	}
	return a.put(owner, ro)
}

// rosterLine is one line of an import or export.
type rosterLine struct {
	JID    string          `json:"jid"`
	Roster json.RawMessage `json:"roster"`
}

func (c *rosterExport) do(a *admin, e *env) error {
	if c.Format == formatPortable {
		return a.exportPortable(e, c.Domain, true)
	}
	domains, err := a.domains(c.Domain)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(e.out)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, d := range domains {
		err := a.store.Rosters(d, func(owner jid.JID, ro *rosterdb.Roster) error {
			return enc.Encode(rosterLine{JID: owner.String(), Roster: rosterdb.RosterJSON(ro)})
		})
		if err != nil {
			return err
		}
	}
	return w.Flush()
}
