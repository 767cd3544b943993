// Package proxy reads the header of the PROXY protocol, versions 1 and 2, with which a proxy says for whom a
// connection is (https://www.haproxy.org/download/2.3/doc/proxy-protocol.txt). It knows no sockets.
package proxy

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/pires/go-proxyproto"
)

const (
	// MaxHeader bounds a header of version 2 with all that a proxy may add to it.
	MaxHeader = 4096
	// maxLine bounds one of version 1 (§2.1).
	maxLine = 107
	// fixed is the part of version 2 that ends with the length of the rest (§2.2).
	fixed = 16
)

// ErrShort says that the header goes on.
var ErrShort = errors.New("proxy: the header is not whole")

// ErrNone says that there is no header.
var ErrNone = errors.New("proxy: there is no PROXY header")

// Parse reads the header that b begins with. client is for whom the connection is; it is invalid when the proxy
// speaks for itself (LOCAL) or does not know (UNKNOWN): then the connection's own address counts. used is the
// length of the header in bytes. What a proxy adds (TLVs) is left out of account. b is borrowed.
func Parse(b []byte) (client netip.AddrPort, used int, err error) {
	if used, err = length(b); err != nil {
		return netip.AddrPort{}, 0, err
	}
	h, err := proxyproto.Read(bufio.NewReaderSize(bytes.NewReader(b[:used]), used)) // all of it: nothing blocks
	if err != nil {
		return netip.AddrPort{}, 0, err
	}
	if h.Command == proxyproto.LOCAL { // version 1: UNKNOWN
		return netip.AddrPort{}, used, nil
	}
	if h.Version == 1 && bytes.Count(b[:used], []byte(" ")) != 5 { // §2.1: exactly one space between them
		return netip.AddrPort{}, 0, proxyproto.ErrInvalidAddress
	}
	switch at := h.SourceAddr.(type) {
	case *net.TCPAddr:
		ap := at.AddrPort()
		return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()), used, nil
	case *net.UnixAddr:
		if h.TransportProtocol.IsStream() {
			return netip.AddrPort{}, used, nil // the client of a Unix socket has no address
		}
	}
	return netip.AddrPort{}, 0, fmt.Errorf("proxy: %v is no stream", h.TransportProtocol)
}

// length is that of the header that b begins with.
func length(b []byte) (int, error) {
	switch {
	case bytes.HasPrefix(b, proxyproto.SIGV1):
		if i := bytes.IndexByte(b[:min(len(b), maxLine)], '\n'); i >= 0 {
			return i + 1, nil
		}
		if len(b) >= maxLine {
			return 0, proxyproto.ErrVersion1HeaderTooLong
		}
		return 0, ErrShort
	case bytes.HasPrefix(b, proxyproto.SIGV2):
		if len(b) < fixed {
			return 0, ErrShort
		}
		n := fixed + int(binary.BigEndian.Uint16(b[fixed-2:]))
		if n > MaxHeader {
			return 0, fmt.Errorf("proxy: a header of %d bytes, at most %d are read", n, MaxHeader)
		}
		if len(b) < n {
			return 0, ErrShort
		}
		return n, nil
	case bytes.HasPrefix(proxyproto.SIGV1, b), bytes.HasPrefix(proxyproto.SIGV2, b):
		return 0, ErrShort
	}
	return 0, ErrNone
}
