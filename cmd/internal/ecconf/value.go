package ecconf

import (
	"fmt"
	"io/fs"
	"net/netip"
	"strconv"
	"strings"
)

// ParseBool reads true/false, on/off, enabled/disabled and 1/0, in any case.
func ParseBool(s string) (bool, error) {
	switch strings.ToLower(s) {
	case "true", "on", "enabled", "1":
		return true, nil
	case "false", "off", "disabled", "0":
		return false, nil
	}
	return false, fmt.Errorf("not a boolean; write true or false (also on/off, enabled/disabled, 1/0)")
}

// ParseInt reads a plain decimal number. There are no suffixes: 1048576, not 1M.
func ParseInt(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err == nil && s[0] != '+' {
		return n, nil
	}
	if allDigits(strings.TrimPrefix(s, "-")) {
		return 0, fmt.Errorf("the number is too large")
	}
	return 0, fmt.Errorf("not a whole number; write digits only, without a unit")
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}

// ParseMode reads file access rights in octal, such as 0660.
func ParseMode(s string) (fs.FileMode, error) {
	n, err := strconv.ParseUint(s, 8, 32)
	if err != nil || n > 0o777 || !allDigits(s) {
		return 0, fmt.Errorf("not a file mode; write octal digits up to 0777, such as 0660")
	}
	return fs.FileMode(n), nil
}

// Rate is N events in a span of seconds. The zero Rate is no limit.
type Rate struct {
	N       int64
	Seconds int64
}

// ParseRate reads "N" (per second) or "N/seconds".
func ParseRate(s string) (Rate, error) {
	num, span, has := strings.Cut(s, "/")
	if !has {
		span = "1"
	}
	n, err1 := ParseInt(num)
	sec, err2 := ParseInt(span)
	if err1 != nil || err2 != nil || n < 0 || sec < 1 {
		return Rate{}, fmt.Errorf("not a rate; write a number per second such as 50, or a number and seconds such as 100/60")
	}
	if n == 0 {
		return Rate{}, nil
	}
	return Rate{n, sec}, nil
}

// ParsePrefix reads a CIDR block or a single address (which matches itself),
// IPv6 without brackets. exact is false when the address had bits set behind
// the prefix length, which are cleared in the result. An IPv4 block written as
// IPv4-mapped IPv6 becomes the IPv4 block.
func ParsePrefix(s string) (p netip.Prefix, exact bool, err error) {
	bad := fmt.Errorf("not an address or CIDR block; write one such as 10.0.0.0/16, 192.0.2.7 or fd00::/8")
	if strings.HasPrefix(s, "[") {
		return p, false, fmt.Errorf("IPv6 stands without brackets here; write fd00::/8")
	}
	if !strings.Contains(s, "/") {
		a, err := netip.ParseAddr(s)
		if err != nil || a.Zone() != "" {
			return p, false, bad
		}
		a = a.Unmap()
		return netip.PrefixFrom(a, a.BitLen()), true, nil
	}
	p, err = netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false, bad
	}
	if p.Addr().Is4In6() {
		if p.Bits() < 96 {
			return netip.Prefix{}, false, bad
		}
		p = netip.PrefixFrom(p.Addr().Unmap(), p.Bits()-96)
	}
	return p.Masked(), p.Masked() == p, nil
}

// SplitURI cuts scheme://rest; the scheme comes back in lower case.
func SplitURI(s string) (scheme, rest string, err error) {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || scheme == "" || strings.Trim(strings.ToLower(scheme), "abcdefghijklmnopqrstuvwxyz0123456789+-._") != "" {
		return "", "", fmt.Errorf("not a URI; write scheme://…, such as file:///etc/roost/passwd")
	}
	return strings.ToLower(scheme), rest, nil
}
