package netio

import (
	"net/netip"
	"sync"
)

// peers are the addresses that SetRemoteAddr has told, beside the Conns: most have
// none.
type peers struct {
	mu sync.RWMutex // guards by; held for no longer than a look
	by map[*Conn]netip.AddrPort
}

// RemoteAddr is the peer's address: what SetRemoteAddr has told, or else the
// kernel's: IPv4 as such, Unix sockets as 127.0.0.1 with port 0, the zero value
// when the connection is gone, which it is not yet in OnClose. Any goroutine.
func (c *Conn) RemoteAddr() netip.AddrPort {
	if c.flags.Load()&fNamed != 0 {
		p := &c.loop.e.peers
		p.mu.RLock()
		defer p.mu.RUnlock()
		return p.by[c]
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return peerAddr(c.fd)
}

// SetRemoteAddr says what RemoteAddr gives from now on, as when a proxy has told
// for whom it speaks. It takes some 60 bytes until the Conn ends. On the loop only.
func (c *Conn) SetRemoteAddr(at netip.AddrPort) {
	if c.flags.Load()&fClosed != 0 {
		return
	}
	p := &c.loop.e.peers
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.by == nil {
		p.by = make(map[*Conn]netip.AddrPort)
	}
	p.by[c] = at
	c.flags.Or(fNamed)
}

// forget gives back what SetRemoteAddr has taken.
func (p *peers) forget(c *Conn) {
	if c.flags.Load()&fNamed == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if delete(p.by, c); len(p.by) == 0 {
		p.by = nil // a map does not shrink
	}
}
