package netio

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// An endpoint is a parsed listen address: a path, or an IP address with a port.
type endpoint struct {
	path string
	ip   netip.AddrPort
}

func (ep endpoint) String() string {
	if ep.path != "" {
		return ep.path
	}
	return ep.ip.String()
}

// maxSocketPath is what fits into sockaddr_un.sun_path with its final zero.
const maxSocketPath = len(unix.RawSockaddrUnix{}.Path) - 1

// parseEndpoint reads the forms that ListenOptions.Address lists. Whatever has a
// slash is a path.
func parseEndpoint(s string) (endpoint, error) {
	if strings.Contains(s, "/") {
		if len(s) > maxSocketPath {
			return endpoint{}, fmt.Errorf("the path has %d bytes, a Unix socket's may have %d", len(s), maxSocketPath)
		}
		return endpoint{path: s}, nil
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return endpoint{}, errors.New("there is no port; write *:5222, 127.0.0.1:5222, [::]:5222 or /path/socket")
	}
	host := s[:i]
	port, err := strconv.ParseUint(s[i+1:], 10, 16)
	if err != nil {
		return endpoint{}, fmt.Errorf("%q is not a port number (0 to 65535)", s[i+1:])
	}
	ip, err := parseHost(host)
	if err != nil {
		return endpoint{}, err
	}
	return endpoint{ip: netip.AddrPortFrom(ip, uint16(port))}, nil
}

func parseHost(host string) (netip.Addr, error) {
	inner, bracket := strings.CutPrefix(host, "[")
	inner, closed := strings.CutSuffix(inner, "]")
	switch {
	case bracket != closed:
		return netip.Addr{}, fmt.Errorf("%q has one bracket only", host)
	case bracket && inner == "*":
		return netip.IPv6Unspecified(), nil
	case host == "" || host == "*":
		return netip.IPv4Unspecified(), nil
	}
	ip, err := netip.ParseAddr(inner)
	switch {
	case err != nil:
		return netip.Addr{}, fmt.Errorf("%q is not an IP address; host names are not looked up here", inner)
	case bracket && !ip.Is6():
		return netip.Addr{}, fmt.Errorf("%q: brackets are for IPv6", host)
	case !bracket && !ip.Is4():
		return netip.Addr{}, fmt.Errorf("%q: IPv6 addresses stand in brackets, [%s]:port", host, inner)
	}
	return ip, nil
}

// sockaddr returns the family and the kernel's form of the address.
func (ep endpoint) sockaddr() (family int, sa unix.Sockaddr, err error) {
	ip := ep.ip.Addr()
	switch {
	case ep.path != "":
		return unix.AF_UNIX, &unix.SockaddrUnix{Name: ep.path}, nil
	case ip.Is4():
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(ep.ip.Port()), Addr: ip.As4()}, nil
	}
	sa6 := &unix.SockaddrInet6{Port: int(ep.ip.Port()), Addr: ip.As16()}
	if zone := ip.Zone(); zone != "" {
		ifc, err := net.InterfaceByName(zone)
		if err != nil {
			return 0, nil, fmt.Errorf("zone %q: %w", zone, err)
		}
		sa6.ZoneId = uint32(ifc.Index)
	}
	return unix.AF_INET6, sa6, nil
}

// A ListenError says why a socket does not listen: which call failed, and what
// to do about it.
type ListenError struct {
	Address string // as the kernel understood it
	Call    string // socket, setsockopt, bind, chmod, listen, …
	Err     error
	Hint    string
}

func (e *ListenError) Error() string {
	s := "listen " + e.Address + ": " + e.Err.Error()
	if e.Hint != "" {
		s += ": " + e.Hint
	}
	return s
}

func (e *ListenError) Unwrap() error { return e.Err }

// listenHints say what to do. "ip" rows are for TCP, "unix" rows for paths.
var listenHints = []struct {
	err  unix.Errno
	kind string
	hint string
}{
	{unix.EADDRINUSE, "ip", "another process holds the port (see ss -ltnp)"},
	{unix.EADDRINUSE, "unix", "another process listens on it (see ss -lxp)"},
	{unix.EADDRNOTAVAIL, "ip", "no interface of this host has the address (see ip addr)"},
	{unix.EACCES, "ip", "ports below 1024 need root or CAP_NET_BIND_SERVICE"},
	{unix.EACCES, "unix", "this user may not write to the directory"},
	{unix.ENOENT, "unix", "the directory does not exist"},
	{unix.EROFS, "unix", "the file system is read-only"},
	{unix.EAFNOSUPPORT, "ip", "this host has no IPv6; listen on *:port"},
	{unix.EMFILE, "", "raise the limit of descriptors (ulimit -n)"},
}

func listenError(ep endpoint, call string, err error) error {
	kind := "ip"
	if ep.path != "" {
		kind = "unix"
	}
	e := &ListenError{Address: ep.String(), Call: call, Err: err}
	for _, h := range listenHints {
		if errors.Is(err, h.err) && (h.kind == "" || h.kind == kind) {
			e.Hint = h.hint
			break
		}
	}
	return e
}
