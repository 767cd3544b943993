package conf

import (
	"fmt"
	"regexp"

	"roost/cmd/internal/ecconf"
)

// Role is what some users of this machine may do on the console.
type Role struct {
	Name  string
	Users []string // names or numbers
	Allow []*regexp.Regexp
}

func roleOptions() []ecconf.Option {
	return []ecconf.Option{
		{Name: "allow", Kind: ecconf.KindList, Scopes: []string{"role"}, Check: checkCommand, Doc: "Regular expressions for the commands, `( \"status\" \"sessions( .*)?\" )`; one must match the whole command. Without any, nothing is allowed."},
		{Name: "users", Kind: ecconf.KindList, Scopes: []string{"role"}, Check: checkNotEmpty, Doc: "Users of this machine who have the role, by name or number, as the kernel names the one who opened the socket; unset: the user of the same name as the role."},
	}
}

// command compiles an expression that must match a command as a whole.
func command(s string) (*regexp.Regexp, error) { return regexp.Compile(`^(?:` + s + `)$`) }

func checkCommand(v ecconf.Value) error {
	if _, err := command(v.Text); err != nil {
		return fmt.Errorf("not a regular expression: %w", err)
	}
	return nil
}

// roles reads the Authorization of the Control_Listener.
func (r *resolver) roles(b *ecconf.Block) {
	for _, auth := range b.All("authorization") {
		r.cfg.Control.Authorization = true
		for _, c := range auth.All("role") {
			v := r.tree.View(c)
			role := Role{Name: c.Name}
			for _, it := range v.List("users") {
				role.Users = append(role.Users, it.Text)
			}
			if role.Users == nil {
				role.Users = []string{c.Name}
			}
			for _, it := range v.List("allow") {
				if re, err := command(it.Text); err == nil {
					role.Allow = append(role.Allow, re)
				}
			}
			r.cfg.Control.Roles = append(r.cfg.Control.Roles, role)
		}
	}
}
