package main

import (
	"fmt"
	"strings"

	"roost/bench/people"
	"roost/bench/prepare"
)

// prepareCmd is `roost-bench prepare`.
type prepareCmd struct {
	accounts
	Users    int    `default:"1000" help:"How many accounts."`
	Contacts int    `default:"0" help:"How many contacts each of them has; must be what the scenario says."`
	Circle   int    `default:"0" help:"People who only know each other; as in the scenario. 0: 100, or as many as the contacts need."`
	Groups   int    `default:"0" help:"Roster groups."`
	Format   string `short:"f" default:"roost" enum:"roost,prosody,xep0227" help:"roost, prosody, or xep0227 (ejabberd)."`
	Out      string `short:"o" required:"" help:"Directory to write into; made if it is missing."`
}

// Run writes the files and says what to do with them.
func (c *prepareCmd) Run(e *env) error {
	names := c.names()
	if err := names.Check(); err != nil {
		return err
	}
	if c.Users < 1 || c.Contacts < 0 || c.Circle < 0 || c.Groups < 0 {
		return fmt.Errorf("%d users with %d contacts in circles of %d and %d groups: none may be negative, and one user is the least",
			c.Users, c.Contacts, c.Circle, c.Groups)
	}
	s := &prepare.Society{Graph: people.New(c.Users, c.Contacts, c.Circle, c.Groups), Names: names}
	for _, f := range prepare.Formats {
		if f.Name != c.Format {
			continue
		}
		next, err := f.Write(s, c.Out)
		if err != nil {
			return err
		}
		fmt.Fprintf(e.out, "%d accounts with %d contacts each; next:\n  %s\n", c.Users, c.Contacts, strings.TrimSpace(next))
	}
	return nil
}
