package page

import (
	"fmt"
	"html/template"
	"math"
	"strings"
)

// The size of a picture in its own units; the page stretches it.
const (
	width  = 600
	height = 200
)

// most is how many points a curve has: more cannot be told apart.
const most = 240

// classes are the colours and dashes of lines, in order; a chart has at most as many lines.
var classes = []string{"a", "b", "c", "d", "e"}

// A chart is one picture as the template wants it.
type chart struct {
	Title  string
	Spoken string // the picture in words
	Note   string // what to know of it; may be empty
	X, Y   []tick
	Bands  []band
	Lines  []line
	Where  string // for the script: places of the points along x, per mille
	Whens  string // and what these are called
}

// A tick is a label at a part of an axis, in per cent.
type tick struct {
	At   float64
	Text string
}

// Down is the same from the top.
func (t tick) Down() float64 { return round1(100 - t.At) }

// A band is a stretch of time that has a name, in per cent of the width.
type band struct {
	From, Width float64
	Name        string
	Dark        bool // every second one is
}

type line struct {
	Name, Class string
	Now         string // what the key says: a value that stands for the line
	Path        template.HTMLAttr
	Dots        []dot
	Values      string // for the script
}

type dot struct{ X, Y float64 }

// A curve is a line before it is drawn: a value for each x, NaN where there is none.
type curve struct {
	name string
	y    []float64
	now  func(y []float64) float64 // what stands for it; nil: the highest
	dots bool                      // points, not a line
}

// A plot is a chart before it is drawn.
type plot struct {
	title, note string
	x           []float64
	xa          axis
	ya          func(low, high float64) axis // of the smallest value above 0, and the largest
	curves      []curve
	bands       []band
	when        func(float64) string // how the script writes an x; nil: as the axis does
}

// draw makes the chart; ok is false when there is nothing to be seen.
func (p *plot) draw() (c chart, ok bool) {
	low, high := math.Inf(1), 0.0
	for _, cv := range p.curves {
		for _, v := range cv.y {
			if v > 0 {
				low, high = min(low, v), max(high, v)
			}
		}
	}
	if high == 0 || len(p.x) == 0 {
		return chart{}, false
	}
	ya := p.ya(low, high)
	c = chart{Title: p.title, Note: p.note, X: p.xa.ticks(), Y: ya.ticks(), Bands: p.bands}
	var words []string
	for i, cv := range p.curves[:min(len(p.curves), len(classes))] {
		l := line{Name: cv.name, Class: classes[i], Values: spell(cv.y, ya.write)}
		l.Path, l.Dots = p.path(cv, ya)
		rep, kind := highest(cv.y), "at most "
		if cv.now != nil {
			rep, kind = cv.now(cv.y), ""
		}
		l.Now = kind + ya.write(rep)
		c.Lines = append(c.Lines, l)
		words = append(words, cv.name+" "+l.Now)
	}
	c.Spoken = p.title + ": " + strings.Join(words, ", ")
	c.Where, c.Whens = p.places()
	return c, true
}

// places tells the script where the points are and what they are called.
func (p *plot) places() (where, whens string) {
	write := p.when
	if write == nil {
		write = p.xa.write
	}
	var at []string
	for _, x := range p.x {
		at = append(at, fmt.Sprintf("%.0f", 1000*p.xa.at(x)))
	}
	return strings.Join(at, " "), spell(p.x, write)
}

// spell writes values, with | between them.
func spell(vs []float64, write func(float64) string) string {
	out := make([]string, len(vs))
	for i, v := range vs {
		if math.IsNaN(v) {
			out[i] = "–"
			continue
		}
		out[i] = write(v)
	}
	return strings.Join(out, "|")
}

// path draws a curve. Where a value is missing the line has a gap; a value that stands alone is a dot.
func (p *plot) path(cv curve, ya axis) (template.HTMLAttr, []dot) {
	var b strings.Builder
	var dots []dot
	open := false
	for i, v := range cv.y {
		if math.IsNaN(v) {
			open = false
			continue
		}
		d := dot{round1(100 * p.xa.at(p.x[i])), round1(100 * ya.at(v))}
		alone := !open && (i+1 == len(cv.y) || math.IsNaN(cv.y[i+1]))
		if cv.dots || alone {
			dots = append(dots, d)
			continue
		}
		verb := 'L'
		if !open {
			verb = 'M'
		}
		fmt.Fprintf(&b, "%c%.1f %.1f", verb, p.xa.at(p.x[i])*width, height-ya.at(v)*height)
		open = true
	}
	return template.HTMLAttr(`d="` + b.String() + `"`), dots
}

func highest(y []float64) float64 {
	top := 0.0
	for _, v := range y {
		if v > top {
			top = v
		}
	}
	return top
}

// last returns the last value that is one.
func last(y []float64) float64 {
	for i := len(y) - 1; i >= 0; i-- {
		if !math.IsNaN(y[i]) {
			return y[i]
		}
	}
	return 0
}
