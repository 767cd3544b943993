package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"roost/cmd/internal/ecconf"
	"roost/cmd/roost/conf"
)

// configCmd is `config …`: the configuration in use, looked at and changed. Stanzas are named by words, outermost
// first: config get xmpp_listener listen *:5222 idle_time.
type configCmd struct {
	Show        configShow        `cmd:"" help:"Print what a stanza sets; stanzas inside only by name."`
	Showrecurse configShowrecurse `cmd:"" help:"Print a stanza with all inside."`
	Get         configGet         `cmd:"" help:"Print an option as it is set in a stanza itself."`
	Eval        configEval        `cmd:"" help:"Print an option as it holds in a stanza, inherited or not."`
	Set         configSet         `cmd:"" help:"Set an option; it holds at once, and until the next start or reload unless it is written back."`
	Unset       configUnset       `cmd:"" help:"Take an option away from a stanza, and print what holds then."`
	Locate      configLocate      `cmd:"" help:"List where stanzas or options of a name stand."`
	Changes     configChanges     `cmd:"" help:"List what was changed on the console and not written back."`
	Begin       configBegin       `cmd:"" help:"Collect changes until commit."`
	Commit      configCommit      `cmd:"" help:"Make the collected changes, all or none."`
	Rollback    configRollback    `cmd:"" help:"Forget the collected changes."`
	Reload      reloadCmd         `cmd:"" help:"Read the configuration and everything that it names again, and go over to it."`
	Writeback   configWriteback   `cmd:"" help:"Write what was changed on the console into the configuration, or the whole of it to a new file."`
}

// scopeWords are the words that name a stanza, and what is behind them.
type scopeWords struct {
	Words []string `arg:"" optional:"" passthrough:"" name:"stanza" help:"Stanza, option, value: as the command needs them."`
}

type configShow struct{ scopeWords }
type configShowrecurse struct{ scopeWords }
type configGet struct{ scopeWords }
type configEval struct{ scopeWords }
type configSet struct{ scopeWords }
type configUnset struct{ scopeWords }
type configChanges struct{}
type configBegin struct{}
type configCommit struct{}
type configRollback struct{}
type configLocate struct {
	Name  string `arg:"" help:"Name of a stanza or an option."`
	Regex string `arg:"" optional:"" help:"Only where this regular expression matches the way to it."`
}
type configWriteback struct {
	File string `arg:"" optional:"" help:"New file for the whole configuration; default Local_Changes_File, else the configuration itself."`
}

func (c *configShow) Run(e *env, a *admin) error        { return c.show(e, a, false) }
func (c *configShowrecurse) Run(e *env, a *admin) error { return c.show(e, a, true) }

func (c *scopeWords) show(e *env, a *admin, recurse bool) error {
	p, rest, err := a.cfg.Place(c.Words)
	if err == nil && len(rest) > 0 {
		_, err = p.Option(rest[0])
		if err == nil {
			err = fmt.Errorf("%s is an option: config get %s", rest[0], strings.Join(c.Words, " "))
		}
	}
	if err != nil {
		return err
	}
	b := p.Block()
	if b == nil {
		return fmt.Errorf("there is no %s", p)
	}
	b.Print(e.out, recurse)
	return nil
}

// option splits the words into stanza, option and what follows.
func (c *scopeWords) option(cfg *conf.Config) (p conf.Place, o *ecconf.Option, rest []string, err error) {
	p, rest, err = cfg.Place(c.Words)
	switch {
	case err != nil:
		return p, nil, nil, err
	case len(rest) == 0:
		return p, nil, nil, fmt.Errorf("name an option of %s", p)
	}
	o, err = p.Option(rest[0])
	return p, o, rest[1:], err
}

// alone refuses words behind an option.
func alone(rest []string, err error) error {
	if err == nil && len(rest) > 0 {
		return fmt.Errorf("nothing may follow the option, but there is %q", rest[0])
	}
	return err
}

func (c *configGet) Run(e *env, a *admin) error {
	p, o, rest, err := c.option(a.cfg)
	if err := alone(rest, err); err != nil {
		return err
	}
	if b := p.Block(); b != nil {
		if s := b.Get(o.Name); s != nil {
			e.printf("%s = %s\n", o.Name, s.Shown())
			return nil
		}
	}
	e.printf("Option '%s' is not set in scope '%s'.\n", o.Name, p)
	return nil
}

func (c *configEval) Run(e *env, a *admin) error {
	p, o, rest, err := c.option(a.cfg)
	if err := alone(rest, err); err != nil {
		return err
	}
	return evaluate(e, p, o)
}

// evaluate prints what holds.
func evaluate(e *env, p conf.Place, o *ecconf.Option) error {
	s, row, err := p.Effective(o.Name)
	switch {
	case err != nil:
		return err
	case s != nil:
		e.printf("%s = %s\n", row.Name, s.Shown())
	case row.Default != "":
		e.printf("%s = %s\n", row.Name, row.Default)
	default:
		e.printf("%s is not set anywhere, and has no default\n", row.Name)
	}
	return nil
}

func (c *configSet) Run(e *env, a *admin) error {
	p, o, rest, err := c.option(a.cfg)
	if err != nil {
		return err
	}
	if len(rest) == 0 {
		return fmt.Errorf("%s: give a value", o.Name)
	}
	v, err := conf.ParseValue(o, rest)
	if err != nil {
		return err
	}
	if err := a.live.edit(e, ecconf.Edit{Path: p.Steps, Option: o.Name, Value: v}); err != nil {
		return err
	}
	shown := ecconf.Setting{Option: o, Value: *v}
	e.printf("%s = %s\n", o.Name, shown.Shown())
	return nil
}

func (c *configUnset) Run(e *env, a *admin) error {
	p, o, rest, err := c.option(a.cfg)
	if err := alone(rest, err); err != nil {
		return err
	}
	if b := p.Block(); b == nil || b.Get(o.Name) == nil {
		e.printf("Option '%s' is not set in scope '%s'.\n", o.Name, p)
		return nil
	}
	if err := a.live.edit(e, ecconf.Edit{Path: p.Steps, Option: o.Name}); err != nil {
		return err
	}
	if p, _, err = a.live.conf().Place(c.Words); err != nil {
		return err
	}
	return evaluate(e, p, o)
}

// edit makes a change at once, or notes it for commit.
func (s *Server) edit(e *env, ed ecconf.Edit) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	if s.collected != nil {
		*s.collected = append(*s.collected, ed)
		_, err := s.conf().Edited(*s.collected...)
		if err != nil {
			*s.collected = (*s.collected)[:len(*s.collected)-1]
			return fmt.Errorf("nothing was changed: %w", err)
		}
		return nil
	}
	return s.makeEdits(e, ed)
}

// makeEdits goes over to the configuration with edits, and remembers them for writeback. The caller holds
// s.reloading.
func (s *Server) makeEdits(e *env, edits ...ecconf.Edit) error {
	cfg, err := s.conf().Edited(edits...)
	var did *outcome
	if err == nil {
		did, err = s.adoptConfig(cfg)
	}
	if err != nil {
		return fmt.Errorf("nothing was changed: %w", err)
	}
	s.edits.add(edits)
	did.live = nil // it is what was asked for
	did.tell(e.out)
	return nil
}

// onlineEdits are changes of the console that were not written back: one for each option.
type onlineEdits []ecconf.Edit

func (o *onlineEdits) add(edits []ecconf.Edit) {
	for _, ed := range edits {
		kept := (*o)[:0:0]
		for _, old := range *o {
			if !old.Same(ed) {
				kept = append(kept, old)
			}
		}
		*o = append(kept, ed)
	}
}

func (c configChanges) Run(e *env, a *admin) error {
	a.live.reloading.Lock()
	defer a.live.reloading.Unlock()
	for _, ed := range a.live.edits {
		e.printf("%s\n", ed.Shown(a.cfg.Tree.Schema()))
	}
	if a.live.collected != nil {
		for _, ed := range *a.live.collected {
			e.printf("not committed: %s\n", ed.Shown(a.cfg.Tree.Schema()))
		}
	}
	return nil
}

var errNoBegin = errors.New("there is nothing to end: begin with \"config begin\"")

func (c configBegin) Run(e *env, a *admin) error {
	a.live.reloading.Lock()
	defer a.live.reloading.Unlock()
	if a.live.collected != nil {
		return fmt.Errorf("changes are being collected already, %d so far: commit them or roll them back", len(*a.live.collected))
	}
	a.live.collected = &[]ecconf.Edit{}
	e.printf("changes are collected until \"config commit\"\n")
	return nil
}

func (c configCommit) Run(e *env, a *admin) error {
	a.live.reloading.Lock()
	defer a.live.reloading.Unlock()
	if a.live.collected == nil {
		return errNoBegin
	}
	edits := *a.live.collected
	if err := a.live.makeEdits(e, edits...); err != nil {
		return err
	}
	a.live.collected = nil
	e.printf("%s made\n", count(len(edits), "change"))
	return nil
}

func (c configRollback) Run(e *env, a *admin) error {
	a.live.reloading.Lock()
	defer a.live.reloading.Unlock()
	if a.live.collected == nil {
		return errNoBegin
	}
	e.printf("%s forgotten\n", count(len(*a.live.collected), "change"))
	a.live.collected = nil
	return nil
}

func (c *configLocate) Run(e *env, a *admin) error {
	match, err := regexp.Compile("(?i)" + c.Regex)
	if err != nil {
		return fmt.Errorf("%q is no regular expression: %w", c.Regex, err)
	}
	a.cfg.Tree.Locate(func(around []*ecconf.Block) {
		var way []string
		for _, b := range around {
			name := b.Scope.Name
			if b.Name != "" {
				name += ":" + strings.ReplaceAll(b.Name, ":", `\:`) + ":"
			}
			way = append(way, name)
		}
		if len(around) > 0 && strings.EqualFold(around[len(around)-1].Scope.Name, c.Name) {
			if at := strings.Join(way, "::"); match.MatchString(at) {
				e.printf("%s\n", at)
			}
		}
		b := a.cfg.Tree.Root
		if len(around) > 0 {
			b = around[len(around)-1]
		}
		if s := b.Get(c.Name); s != nil {
			if at := strings.Join(append(way, s.Option.Name), "::"); match.MatchString(at) {
				e.printf("%s\n", at)
			}
		}
	})
	return nil
}

func (c *configWriteback) Run(e *env, a *admin) error {
	s := a.live
	s.reloading.Lock()
	defer s.reloading.Unlock()
	if c.File != "" {
		if s.conf().LocalOnly {
			return fmt.Errorf("Local_Changes_Only is set: changes are written to %s only", s.conf().LocalChanges)
		}
		if !filepath.IsAbs(c.File) {
			return fmt.Errorf("%s: the server needs the whole path of the file", c.File)
		}
		if err := s.conf().WriteTo(c.File); err != nil {
			return err
		}
		e.printf("the configuration was written to %s\n", c.File)
		return nil
	}
	if len(s.edits) == 0 {
		e.printf("nothing was changed on the console\n")
		return nil
	}
	path, err := s.conf().WriteBack(s.edits)
	if err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}
	e.printf("%s written to %s\n", count(len(s.edits), "change"), path)
	s.edits = nil
	return nil
}
