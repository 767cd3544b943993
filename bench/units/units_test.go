package units

import "testing"

// TestUnits: numbers as people read them.
func TestUnits(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Count(0), "0"}, {Count(9999), "9999"}, {Count(12345), "12\u202f345"}, {Count(1234567), "1\u202f234\u202f567"}, {Count(12345678), "12.3 M"}, {Count(1.25), "1.2"},
		{Rate(7), "7/s"}, {Period(0), "0"}, {Period(.25), "250 µs"}, {Period(1.5), "1.5 ms"}, {Period(999.4), "999 ms"}, {Period(2500), "2.5 s"},
		{Bytes(999), "999 B"}, {Bytes(3 << 20), "3 MiB"}, {Bytes(5 << 40), "5 TiB"}, {Seconds(40), "40 s"}, {Seconds(300), "5 min"}, {Cores(.25), "0.25"},
		{Percentile(1), "p0"}, {Percentile(100), "p99"}, {Percentile(1e5), "p99.999"}, {Three(1234.5), "1235"}, {Three(.01234), "0.0123"},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
