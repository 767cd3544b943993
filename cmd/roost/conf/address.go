package conf

import (
	"fmt"
	"net/netip"
	"path/filepath"
	"strconv"
	"strings"
)

// maxSocketPath is the longest path of a Unix socket, in bytes: sun_path in
// unix(7), less the closing NUL.
const maxSocketPath = 107

// Address is the endpoint of a Listen stanza. Exactly one of Path and Port's
// family is meaningful: a Path makes it a Unix socket.
type Address struct {
	// Text is the canonical spelling: "*:5222" (any IPv4), "[::]:5222" (any
	// IPv6), "127.0.0.1:5222", "[fd00::1]:5222" or "/path/socket".
	Text string
	Path string         // Unix socket
	IP   netip.AddrPort // else; an unspecified address is any of its family
}

// IsUnix reports whether a is a Unix socket.
func (a Address) IsUnix() bool { return a.Path != "" }

// IsLoopback reports whether only this machine can reach a.
func (a Address) IsLoopback() bool { return a.IsUnix() || a.IP.Addr().IsLoopback() }

// String returns a.Text.
func (a Address) String() string { return a.Text }

// ParseAddress reads the forms "*:port", ":port", "a.b.c.d:port", "[*]:port",
// "[::]:port", "[v6]:port" and a path, which is what holds a slash. Port 0
// lets the kernel choose.
func ParseAddress(s string) (Address, error) {
	if strings.Contains(s, "/") {
		path := filepath.Clean(s)
		if len(path) > maxSocketPath {
			return Address{}, fmt.Errorf("the path of a Unix socket has at most %d bytes, this one has %d", maxSocketPath, len(path))
		}
		text := path
		if !strings.Contains(text, "/") {
			text = "./" + text // or it would not read as a path again
		}
		return Address{Text: text, Path: path}, nil
	}
	host, port, err := splitHostPort(s)
	if err != nil {
		return Address{}, err
	}
	var ip netip.Addr
	switch {
	case host == "" || host == "*":
		ip = netip.IPv4Unspecified()
	case host == "[*]":
		ip = netip.IPv6Unspecified()
	default:
		ip, err = netip.ParseAddr(strings.Trim(host, "[]"))
		if err != nil {
			return Address{}, fmt.Errorf("%q is not an address; write an IPv4 address, an IPv6 address in brackets, * for any, or the path of a Unix socket", host)
		}
		if ip.Is4() == strings.HasPrefix(host, "[") {
			return Address{}, fmt.Errorf("IPv6 addresses stand in brackets and IPv4 addresses without; write [::1]:5222 or 127.0.0.1:5222")
		}
	}
	ap := netip.AddrPortFrom(ip.Unmap(), port)
	text := ap.String()
	if ap.Addr() == netip.IPv4Unspecified() {
		text = "*:" + strconv.Itoa(int(port))
	}
	return Address{Text: text, IP: ap}, nil
}

// splitHostPort cuts at the last colon; host keeps its brackets.
func splitHostPort(s string) (host string, port uint16, err error) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 || strings.HasSuffix(s, "]") {
		return "", 0, fmt.Errorf(`no port; write "address:port", such as "*:5222", or the path of a Unix socket`)
	}
	n, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("%q is not a port; write a number from 0 to 65535", s[i+1:])
	}
	host = s[:i]
	if strings.Contains(host, ":") && !strings.HasPrefix(host, "[") {
		return "", 0, fmt.Errorf("IPv6 addresses stand in brackets; write one as in [fd00::1]:%d", n)
	}
	if strings.HasPrefix(host, "[") != strings.HasSuffix(host, "]") {
		return "", 0, fmt.Errorf("the brackets around the address do not match")
	}
	return host, uint16(n), nil
}

// Route is one target that replaces DNS for a domain.
type Route struct {
	Host string // name or address, without brackets
	Port uint16
}

// parseRoute reads "host:port", "host" (port 5269, RFC 6120 §14.7) or
// "[v6]:port".
func parseRoute(s string) (Route, error) {
	host, port := s, uint16(5269)
	if strings.Contains(strings.TrimPrefix(s[strings.LastIndexByte(s, ']')+1:], "]"), ":") {
		var err error
		if host, port, err = splitHostPort(s); err != nil {
			return Route{}, err
		}
	}
	if port == 0 {
		return Route{}, fmt.Errorf("port 0 cannot be dialled")
	}
	if inner, ok := strings.CutPrefix(host, "["); ok {
		ip, err := netip.ParseAddr(strings.TrimSuffix(inner, "]"))
		if err != nil || !ip.Is6() {
			return Route{}, fmt.Errorf("%q is not an IPv6 address in brackets", host)
		}
		return Route{ip.String(), port}, nil
	}
	if _, err := netip.ParseAddr(host); err == nil {
		return Route{host, port}, nil
	}
	if _, err := domainName(host); err != nil {
		return Route{}, fmt.Errorf(`not a route; write "host:port", such as "xmpp.example.net:5269"`)
	}
	return Route{host, port}, nil
}
