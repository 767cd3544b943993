package statuspage

import (
	"fmt"
	"html/template"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The size of a curve in its own units; the page stretches it.
const (
	chartWidth  = 600
	chartHeight = 120
)

// chart is one picture: a title, what the value is now, and one or two curves.
type chart struct {
	ID, Title string
	Now       string // with its unit
	Spoken    string // the picture in words
	Max       string
	Ago       string // how far the curve reaches back
	Lines     []line
}

type line struct {
	Name, Class string
	Now         string
	Path, Area  template.HTMLAttr // of SVG
}

// series is a line before it is drawn.
type series struct {
	name, class string
	value       func(*point) float32
}

// dots is how many points a curve has at most: more cannot be told apart.
const dots = 200

// thin makes a long history drawable: each point is the mean of the few that it stands for.
func thin(points []point) []point {
	n := (len(points) + dots - 1) / dots
	if n <= 1 {
		return points
	}
	out := make([]point, 0, dots)
	for group := range slices.Chunk(points, n) {
		out = append(out, mean(group))
	}
	return out
}

// scale is how the values of a chart are written, and where its scale may end.
type scale struct {
	write func(float64) string
	nice  func(float64) float64
}

var (
	counts  = scale{number, nice}
	rates   = scale{perSecond, nice}
	periods = scale{inMilliseconds, nice}
	sizes   = scale{size, niceSize}
)

// draw makes a chart of points.
func draw(id, title string, points []point, in scale, lines ...series) chart {
	c := chart{ID: id, Title: title, Ago: "now"}
	top := 0.0
	for i := range points {
		for _, l := range lines {
			top = max(top, float64(l.value(&points[i])))
		}
	}
	top = in.nice(top)
	c.Max = in.write(top)
	if len(points) > 1 {
		c.Ago = ago(points[len(points)-1].at.Sub(points[0].at))
	}
	var words []string
	for i, l := range lines {
		now := "–"
		if n := len(points); n > 0 {
			now = in.write(float64(l.value(&points[n-1])))
		}
		if i == 0 {
			c.Now = now
		}
		path := curve(points, l.value, top)
		c.Lines = append(c.Lines, line{Name: l.name, Class: l.class, Now: now,
			Path: template.HTMLAttr(fmt.Sprintf(`d="%s"`, path)), Area: template.HTMLAttr(fmt.Sprintf(`d="%s"`, under(path, points)))})
		words = append(words, fmt.Sprintf("%s now %s", l.name, now))
	}
	c.Spoken = fmt.Sprintf("%s over %s: %s; highest %s", title, c.Ago, strings.Join(words, ", "), c.Max)
	return c
}

// curve is the path of one line. Time is true to scale: a gap in it is a gap in the picture.
func curve(points []point, value func(*point) float32, top float64) string {
	if len(points) < 2 {
		return ""
	}
	var b strings.Builder
	for i := range points {
		verb := "L"
		if i == 0 || points[i].at.Sub(points[i-1].at) > gap(points) {
			verb = "M"
		}
		fmt.Fprintf(&b, "%s%.1f %.1f", verb, across(points, i), chartHeight-float64(value(&points[i]))/top*(chartHeight-4))
	}
	return b.String()
}

// gap is how long a break between points must be to be shown as one.
func gap(points []point) time.Duration {
	return max(5*step, 5*points[len(points)-1].at.Sub(points[0].at)/dots)
}

// across is how far right point i stands.
func across(points []point, i int) float64 {
	whole := points[len(points)-1].at.Sub(points[0].at).Seconds()
	return points[i].at.Sub(points[0].at).Seconds() / max(whole, 1) * chartWidth
}

// under closes a curve along the bottom.
func under(path string, points []point) string {
	if path == "" || strings.Count(path, "M") > 1 {
		return ""
	}
	return fmt.Sprintf("%sL%.1f %dL0 %dZ", path, across(points, len(points)-1), chartHeight, chartHeight)
}

// nice is the next of 1, 2, 5, 10, 20 … that is not below v.
func nice(v float64) float64 {
	if v <= 0 {
		return 1
	}
	ten := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5, 10} {
		if v <= m*ten*(1+1e-6) {
			return m * ten
		}
	}
	return 10 * ten
}

// niceSize is nice in the unit in which a size is written.
func niceSize(v float64) float64 {
	unit := 1.0
	for v/unit > 500 {
		unit *= 1024
	}
	return nice(v/unit) * unit
}

// How values are written for people.

func number(v float64) string {
	switch {
	case v >= 9_999_500:
		return fmt.Sprintf("%.1f M", v/1e6)
	case v == math.Trunc(v) || v >= 100:
		return grouped(strconv.FormatFloat(v, 'f', 0, 64))
	}
	return fmt.Sprintf("%.2g", v)
}

// grouped puts a narrow space between the thousands of numbers with five digits and more.
func grouped(digits string) string {
	if len(digits) > 4 {
		for i := len(digits) - 3; i > 0; i -= 3 {
			digits = digits[:i] + "\u202f" + digits[i:]
		}
	}
	return digits
}

func perSecond(v float64) string { return number(v) + "/s" }

func inMilliseconds(v float64) string { return fmt.Sprintf("%.3g ms", v) }

func size(v float64) string {
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if v < 1000 {
			return fmt.Sprintf("%.3g %s", v, unit)
		}
		v /= 1024
	}
	return fmt.Sprintf("%.3g TiB", v)
}

// ago is a duration in at most two units.
func ago(d time.Duration) string {
	d = d.Round(time.Second)
	days, hours, minutes, seconds := int(d.Hours())/24, int(d.Hours())%24, int(d.Minutes())%60, int(d.Seconds())%60
	switch {
	case days > 0:
		return fmt.Sprintf("%d d %d h", days, hours)
	case hours > 0:
		return fmt.Sprintf("%d h %d min", hours, minutes)
	case minutes > 0:
		return fmt.Sprintf("%d min %d s", minutes, seconds)
	}
	return fmt.Sprintf("%d s", seconds)
}
