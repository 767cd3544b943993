package scenario

import (
	"fmt"
	"time"
)

// A Segment is a stretch of a run between two moments that all workers share, at which the server's memory and CPU are read. A
// ramp has one for each step and one for the silence behind it; a hold has one for its warm-up.
type Segment struct {
	Name     string
	Phase    *Phase
	Number   int
	Kind     PhaseKind
	Sessions int           // ramp, drain: on line at the end; storm: how many are cut
	For      time.Duration // hold
	Load     []Load
	WarmUp   bool // it prepares for the next; its figures do not count
	Slope    bool // its end is a point of the memory slope
}

// Segments returns the run's segments in order.
func (s *Scenario) Segments() []Segment {
	var out []Segment
	for i := range s.Phases {
		p := &s.Phases[i]
		switch p.Kind {
		case Ramp:
			out = append(out, p.ramp()...)
		case Hold:
			if p.WarmUp > 0 {
				out = append(out, Segment{Name: p.Name + ": warm-up", Phase: p, Kind: Hold, For: p.WarmUp, Load: p.Load, WarmUp: true})
			}
			out = append(out, Segment{Name: p.Name, Phase: p, Kind: Hold, For: p.For, Load: p.Load})
		default:
			out = append(out, Segment{Name: p.Name, Phase: p, Kind: p.Kind, Sessions: p.Sessions})
		}
	}
	for i := range out {
		out[i].Number = i
	}
	return out
}

// ramp returns the steps of a ramp, evenly from From to Sessions.
func (p *Phase) ramp() []Segment {
	var out []Segment
	for i := range p.Steps {
		n := p.Sessions
		if p.Steps > 1 {
			n = p.From + (p.Sessions-p.From)*i/(p.Steps-1)
		}
		name := p.Name
		if p.Steps > 1 {
			name = fmt.Sprintf("%s to %d", p.Name, n)
		}
		out = append(out, Segment{Name: name, Phase: p, Kind: Ramp, Sessions: n, Slope: p.Quiet == 0})
		if p.Quiet > 0 {
			out = append(out, Segment{Name: fmt.Sprintf("quiet at %d", n), Phase: p, Kind: Hold, For: p.Quiet, Slope: true})
		}
	}
	return out
}
