package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
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
	Format   string `short:"f" default:"roost" enum:"roost,prosody,xep0227,admin" help:"roost, prosody, xep0227 (ejabberd); admin: makes the accounts by XEP-0133, and no rosters (run wire does)."`
	Out      string `short:"o" help:"Directory to write into; made if it is missing."`
	Addr     string `short:"a" default:"127.0.0.1:5222" help:"admin: the server."`
	Admin    string `help:"admin: the local part of the account that may make others; its password is read from standard input."`
	NoTLS    bool   `name:"no-tls" help:"admin: log in without TLS."`
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
	if c.Format == "admin" {
		return c.overWire(e, s)
	}
	if c.Out == "" {
		return errors.New("where to? give -o DIR")
	}
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

// overWire makes the accounts by XEP-0133.
func (c *prepareCmd) overWire(e *env, s *prepare.Society) error {
	if c.Admin == "" {
		return errors.New("who may make accounts? give --admin USER, and the password on standard input")
	}
	password, err := bufio.NewReader(e.in).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	a := &prepare.Admin{Addr: c.Addr, StartTLS: !c.NoTLS, User: c.Admin, Password: strings.TrimRight(password, "\r\n")}
	made := 0
	err = a.AddUsers(e.ctx, s, func(n int) { made = n })
	fmt.Fprintf(e.out, "%d of %d accounts made\n", made, c.Users)
	return err
}
