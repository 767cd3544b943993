// Package units writes numbers for people, as pages and terminals show them.
package units

import (
	"fmt"
	"math"
	"strconv"
)

// Count writes a number with a narrow space between the thousands of five digits and more.
func Count(v float64) string {
	if v >= 9_999_500 {
		return fmt.Sprintf("%.3g M", v/1e6)
	}
	if v != math.Trunc(v) && v < 100 {
		return fmt.Sprintf("%.2g", v)
	}
	s := strconv.FormatFloat(v, 'f', 0, 64)
	if len(s) > 4 {
		for i := len(s) - 3; i > 0; i -= 3 {
			s = s[:i] + "\u202f" + s[i:]
		}
	}
	return s
}

// Rate writes so many a second.
func Rate(v float64) string { return Count(v) + "/s" }

// Period writes milliseconds in the unit that suits them.
func Period(ms float64) string {
	switch {
	case ms == 0:
		return "0"
	case ms < 0.9995:
		return fmt.Sprintf("%.3g µs", ms*1000)
	case ms < 999.5:
		return fmt.Sprintf("%.3g ms", ms)
	}
	return fmt.Sprintf("%.3g s", ms/1000)
}

// Bytes writes a size in the unit that suits it.
func Bytes(v float64) string {
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if v < 1000 {
			return fmt.Sprintf("%.3g %s", v, unit)
		}
		v /= 1024
	}
	return fmt.Sprintf("%.3g TiB", v)
}

// Seconds writes a duration in seconds or minutes.
func Seconds(v float64) string {
	if v >= 120 {
		return fmt.Sprintf("%.3g min", v/60)
	}
	return fmt.Sprintf("%.3g s", v)
}

// Cores writes how many processors are busy.
func Cores(v float64) string { return fmt.Sprintf("%.3g", v) }

// Percentile writes where one in n is slower: p50, p99, p99.9 …
func Percentile(n float64) string {
	if n <= 1 {
		return "p0"
	}
	return "p" + strconv.FormatFloat(math.Round((1-1/n)*1e7)/1e5, 'f', -1, 64)
}

// Three writes a figure with three digits that count.
func Three(v float64) string {
	if v >= 1000 {
		return Count(math.Round(v))
	}
	return fmt.Sprintf("%.3g", v)
}
