package probe

import "math"

// A Fit is a straight line through points by least squares.
type Fit struct {
	Slope  float64 `json:"slope"`
	Error  float64 `json:"error"` // standard error of Slope; NaN is written as -1 where two points leave none
	Points int     `json:"points"`
}

// Line fits a line through the points (x, y).
func Line(x, y []float64) Fit {
	n := float64(len(x))
	f := Fit{Points: len(x), Error: -1}
	if len(x) < 2 {
		return f
	}
	var mx, my, sxx, sxy float64
	for i := range x {
		mx += x[i] / n
		my += y[i] / n
	}
	for i := range x {
		sxx += (x[i] - mx) * (x[i] - mx)
		sxy += (x[i] - mx) * (y[i] - my)
	}
	if sxx == 0 {
		return f
	}
	f.Slope = sxy / sxx
	if len(x) < 3 {
		return f
	}
	rest := 0.0
	for i := range x {
		d := y[i] - my - f.Slope*(x[i]-mx)
		rest += d * d
	}
	f.Error = math.Sqrt(rest / (n - 2) / sxx)
	return f
}
