package s2s

import (
	"cmp"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// View describes a stream for the console.
type View struct {
	Local, Remote string // the pair; of an incoming stream what its header claims
	State         string
	Pairs         int // of an incoming stream, proven
	Waiting       int // stanzas until an outgoing stream is ready
	Error         string
}

// View describes the stream. On the loop only.
func (in *In) View() View {
	v := View{Local: in.claim.Local, Remote: in.claim.Remote, State: in.state.String()}
	for _, how := range in.pairs {
		if how == proven {
			v.Pairs++
		}
	}
	return v
}

// Outs describes the streams that we make, in the order of their names.
func (s *Server) Outs() (out []View) {
	s.mu.Lock()
	all := make([]*Out, 0, len(s.outs))
	for _, o := range s.outs {
		all = append(all, o)
	}
	s.mu.Unlock()
	for _, o := range all {
		o.mu.Lock()
		v := View{Local: o.pair.Local, Remote: o.pair.Remote, State: o.state.String(), Waiting: len(o.queue)}
		if o.err != nil {
			v.Error = o.err.Error()
		}
		o.mu.Unlock()
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b View) int { return cmp.Or(cmp.Compare(a.Remote, b.Remote), cmp.Compare(a.Local, b.Local)) })
	return out
}

// Question is an answer that a DNS keeps.
type Question struct {
	Name, Type string
	Records    int
	Left       time.Duration // until it is asked again
	Error      string
}

// Kept lists the answers that are kept, by name.
func (d *DNS) Kept() (out []Question) {
	d.mu.Lock()
	defer d.mu.Unlock()
	now := d.o.Now()
	for q, a := range d.kept {
		e := Question{Name: q.name, Type: dns.TypeToString[q.kind], Records: len(a.addrs) + len(a.srvs), Left: max(a.until.Sub(now), 0)}
		if a.err != nil {
			e.Error = a.err.Error()
		}
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b Question) int { return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Type, b.Type)) })
	return out
}

// Flush forgets every answer, and gives their number.
func (d *DNS) Flush() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.kept)
	clear(d.kept)
	return n
}
