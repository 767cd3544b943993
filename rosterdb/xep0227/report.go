package xep0227

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Pos is a place in a file, both from 1; the column counts bytes.
type Pos struct{ Line, Column int }

func (p Pos) String() string { return fmt.Sprintf("line %d column %d", p.Line, p.Column) }

func (p Pos) compare(o Pos) int {
	return cmp.Or(cmp.Compare(p.Line, o.Line), cmp.Compare(p.Column, o.Column))
}

// Report says what was carried over, and what was not.
type Report struct {
	Users     int // elements <user/>
	Accounts  int // with a password or keys
	Rosters   int
	Messages  int
	Documents int // vCards, private XML

	LeftOut []Count   // what is not known or not wanted here, each kind once, in the order of the file
	Wrong   []Problem // the first things that could not be taken; they were left out
	NWrong  int       // all of them
}

// Count is something that was left out.
type Count struct {
	What  string
	N     int
	First Pos // zero in an export
}

// Problem is one thing that is wrong.
type Problem struct {
	Pos  Pos    // zero in an export
	Who  string // the user, "" outside of one
	What string
}

func (p Problem) String() string {
	parts := []string{}
	if p.Pos.Line > 0 {
		parts = append(parts, p.Pos.String())
	}
	if p.Who != "" {
		parts = append(parts, p.Who)
	}
	return strings.Join(append(parts, p.What), ": ")
}

const (
	maxKinds    = 50 // kinds of what was left out that are told apart
	maxProblems = 10 // problems that are told in words
)

// leave counts something that is left out.
func (r *Report) leave(what string, at Pos) { r.leaveN(Count{what, 1, at}) }

func (r *Report) leaveN(n Count) {
	what, at := n.What, n.First
	i := slices.IndexFunc(r.LeftOut, func(c Count) bool { return c.What == what })
	if i < 0 && len(r.LeftOut) >= maxKinds {
		what = "other things"
		i = slices.IndexFunc(r.LeftOut, func(c Count) bool { return c.What == what })
	}
	if i < 0 {
		i = len(r.LeftOut)
		r.LeftOut = append(r.LeftOut, Count{What: what, First: at})
	}
	r.LeftOut[i].N += n.N
	if at.compare(r.LeftOut[i].First) < 0 {
		r.LeftOut[i].First = at
	}
}

// add adds what another report says.
func (r *Report) add(o *Report) {
	r.Users += o.Users
	r.Accounts += o.Accounts
	r.Rosters += o.Rosters
	r.Messages += o.Messages
	r.Documents += o.Documents
	for _, c := range o.LeftOut {
		r.leaveN(c)
	}
	for _, p := range o.Wrong {
		r.wrong(p)
	}
	r.NWrong += o.NWrong - len(o.Wrong)
}

// sort puts what several goroutines have told into the order of the file.
func (r *Report) sort() {
	slices.SortStableFunc(r.LeftOut, func(a, b Count) int { return a.First.compare(b.First) })
	slices.SortStableFunc(r.Wrong, func(a, b Problem) int { return a.Pos.compare(b.Pos) })
}

func (r *Report) wrong(p Problem) {
	r.NWrong++
	if len(r.Wrong) < maxProblems {
		r.Wrong = append(r.Wrong, p)
	}
}

// Notes are sentences about what was left out, for people.
func (r *Report) Notes() []string {
	var out []string
	if len(r.LeftOut) > 0 {
		var parts []string
		for _, c := range r.LeftOut {
			part := fmt.Sprintf("%d × %s", c.N, c.What)
			if c.First.Line > 0 {
				part += fmt.Sprintf(" (first at %s)", c.First)
			}
			parts = append(parts, part)
		}
		out = append(out, "left out: "+strings.Join(parts, ", "))
	}
	return out
}

// Err is an error that names what was wrong, nil when nothing was.
func (r *Report) Err() error {
	if r.NWrong == 0 {
		return nil
	}
	parts := make([]string, len(r.Wrong))
	for i, p := range r.Wrong {
		parts[i] = p.String()
	}
	if n := r.NWrong - len(parts); n > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", n))
	}
	return fmt.Errorf("%d wrong and left out: %s", r.NWrong, strings.Join(parts, "; "))
}
