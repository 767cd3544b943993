// Package people says who the users of a load are: their names, and who knows whom. Both are pure
// functions of a user's number, so that accounts can be prepared on one machine and the load made on
// others without a list that all of them read.
package people

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// A Graph is a society of users numbered from 0. It falls into circles of people who only know
// each other; inside, everybody knows the Contacts who sit nearest. Knowing is mutual. A circle is never split over workers, so
// that a stanza is sent and received by one clock.
type Graph struct {
	Users    int // how many there are
	Contacts int // of each; in a circle that is too small, all the others
	Circle   int // people in a circle; the last one may be smaller
	Groups   int // roster groups that contacts are put into, in turn; 0 for none
}

// DefaultCircle is the size of a circle where none is said: at least this, and room for the contacts.
const DefaultCircle = 100

// New gives the graph with defaults filled in.
func New(users, contacts, circle, groups int) Graph {
	if circle <= 0 {
		circle = max(DefaultCircle, contacts+1)
	}
	circle += circle & 1 // partners sit in pairs
	return Graph{Users: users, Contacts: contacts, Circle: circle, Groups: groups}
}

// CircleOf returns the first member of u's circle and how many there are.
func (g Graph) CircleOf(u int) (first, n int) {
	first = u - u%g.Circle
	return first, min(g.Circle, g.Users-first)
}

// Degree returns how many contacts u has. An odd number in an odd circle is rounded down: it cannot be mutual.
func (g Graph) Degree(u int) int {
	_, n := g.CircleOf(u)
	d := max(min(g.Contacts, n-1), 0)
	return d - d&n&1
}

// Contact returns u's i-th contact, i below Degree: neighbours to the right and left in turn.
func (g Graph) Contact(u, i int) int {
	first, n := g.CircleOf(u)
	step := i/2 + 1
	if i%2 == 1 {
		step = n - step
	}
	if i == g.Degree(u)-1 && i%2 == 0 && n%2 == 0 {
		step = n / 2 // an odd number of contacts: the one who sits opposite knows us, too
	}
	return first + (u-first+step)%n
}

// Online reports whether user u is among the part of the users who ever log in. They are spread evenly.
func Online(u int, part float64) bool {
	if part >= 1 {
		return true
	}
	_, f := math.Modf(float64(u) * 0.6180339887498949)
	return f < part
}

// CountOnline returns how many of the users from first up to end are.
func CountOnline(first, end int, part float64) int {
	if part >= 1 {
		return end - first
	}
	n := 0
	for u := first; u < end; u++ {
		if Online(u, part) {
			n++
		}
	}
	return n
}

// Partner returns the other one of u's pair: 0 and 1, 2 and 3 …; a last one without a partner talks to itself.
func (g Graph) Partner(u int) int { return min(u^1, g.Users-1) }

// GroupOf returns the roster group of u's i-th contact, "" for none.
func (g Graph) GroupOf(i int) string {
	if g.Groups <= 0 {
		return ""
	}
	return "Group " + strconv.Itoa(i%g.Groups+1)
}

// Split returns the users of shard i of n: whole circles, as even as they allow.
func (g Graph) Split(i, n int) (from, to int) {
	circles := (g.Users + g.Circle - 1) / g.Circle
	from, to = circles*i/n*g.Circle, circles*(i+1)/n*g.Circle
	return min(from, g.Users), min(to, g.Users)
}

// Names says how accounts are called and what their passwords are: %d stands for the number.
type Names struct {
	Domain   string `json:"domain"`
	User     string `json:"user"`     // the local part, with one %d
	Password string `json:"password"` // with or without %d
	First    int    `json:"first"`    // the number of user 0
}

// Check returns an error for a pattern that does not tell users apart.
func (n Names) Check() error {
	switch {
	case n.Domain == "":
		return fmt.Errorf("the domain of the accounts is missing: give -domain")
	case strings.Count(n.User, "%d") != 1:
		return fmt.Errorf("the pattern of user names %q needs %%d once, where the number goes", n.User)
	case strings.Count(n.Password, "%d") > 1:
		return fmt.Errorf("the pattern of passwords %q has %%d more than once", n.Password)
	}
	return nil
}

// AppendUser appends the local part of user u.
func (n *Names) AppendUser(b []byte, u int) []byte { return n.fill(b, n.User, u) }

// AppendBare appends the bare JID of user u.
func (n *Names) AppendBare(b []byte, u int) []byte {
	b = append(n.AppendUser(b, u), '@')
	return append(b, n.Domain...)
}

// PasswordOf returns the password of user u.
func (n *Names) PasswordOf(u int) string { return string(n.fill(nil, n.Password, u)) }

// UserOf returns the local part of user u; Bare the bare JID.
func (n *Names) UserOf(u int) string { return string(n.AppendUser(nil, u)) }

// Bare returns the bare JID of user u.
func (n *Names) Bare(u int) string { return string(n.AppendBare(nil, u)) }

func (n *Names) fill(b []byte, pattern string, u int) []byte {
	i := strings.Index(pattern, "%d")
	if i < 0 {
		return append(b, pattern...)
	}
	b = append(b, pattern[:i]...)
	b = strconv.AppendInt(b, int64(n.First+u), 10)
	return append(b, pattern[i+2:]...)
}

// NumberOf returns the user whose local part is name; false when it is none of ours.
func (n *Names) NumberOf(name []byte) (int, bool) {
	i := strings.Index(n.User, "%d")
	if i < 0 || len(name) <= i+len(n.User)-i-2 || string(name[:i]) != n.User[:i] {
		return 0, false
	}
	tail := n.User[i+2:]
	if string(name[len(name)-len(tail):]) != tail {
		return 0, false
	}
	d := name[i : len(name)-len(tail)]
	if len(d) == 0 || len(d) > 9 {
		return 0, false
	}
	v := 0
	for _, c := range d {
		if c < '0' || c > '9' {
			return 0, false
		}
		v = v*10 + int(c-'0')
	}
	return v - n.First, v >= n.First
}
