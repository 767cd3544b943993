package main

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"sync/atomic"
	"syscall"

	"roost/cmd/roost/conf"
	"roost/netio"
	"roost/router/c2s"
	"roost/router/s2s"
)

// sockets are what is listened on at a time, each kind in the order of the configuration. They never change:
// a reload puts others in their place.
type sockets struct {
	xmpp    []*opened
	control []*control
	web     []*web
}

func (s *Server) open() []*opened      { return s.sockets.Load().xmpp }
func (s *Server) controls() []*control { return s.sockets.Load().control }
func (s *Server) webs() []*web         { return s.sockets.Load().web }

// opened is one listening socket of an xmpp_listener.
type opened struct {
	address conf.Address
	ln      *netio.Listener
	options netio.ListenOptions
	scope   atomic.Pointer[scope] // what those who come now are treated by
}

// listen opens a socket.
func (s *Server) listen(sc *scope) (*opened, error) {
	o := &opened{address: sc.at.Address, options: socket(sc.at)}
	o.options.File = s.heir.socket(sc.at.Address)
	o.options.Gate = &door{s.admission, func() *conf.Listen { return o.scope.Load().at }}
	o.scope.Store(sc)
	return o, s.relisten(o)
}

// relisten opens the socket of o, again if need be.
func (s *Server) relisten(o *opened) error {
	ln, err := s.engine.Listen(o.options, func(c *netio.Conn) netio.Handler { return o.scope.Load().accept(c) })
	if err != nil {
		return fmt.Errorf("%s: %w", o.scope.Load().at.Pos, err)
	}
	o.ln = ln
	return nil
}

// planListeners opens and changes the sockets of every xmpp_listener. What is closed is closed with the
// swap, unless a new socket needs its place before; connections that were accepted live on.
func (p *plan) planListeners() error {
	old := slices.Clone(p.s.open())
	var open []*opened
	var fresh []*scope // to be opened; open has nil for them
	moved := map[*c2s.Config]*scope{}
	for _, l := range p.next.cfg.Listeners {
		for i := range l.Listens {
			at := &l.Listens[i]
			if !at.Enable {
				continue
			}
			sc, err := p.s.scope(at, p.secrets)
			if err != nil {
				return err
			}
			j := slices.IndexFunc(old, func(o *opened) bool { return o != nil && o.address.Text == at.Address.Text })
			if j < 0 {
				open, fresh = append(open, nil), append(fresh, sc)
				continue
			}
			open = append(open, old[j])
			p.keep(old[j], sc, moved)
			old[j] = nil
		}
	}
	old = slices.DeleteFunc(old, func(o *opened) bool { return o == nil })
	for i := range open {
		if open[i] != nil {
			continue
		}
		o, err := p.openFresh(fresh[0], &old)
		if err != nil {
			return err
		}
		open[i], fresh = o, fresh[1:]
	}
	p.sockets.xmpp = open
	p.later(func() {
		for _, o := range old {
			o.ln.Close()
		}
	})
	p.later(func() { p.s.adopt(moved) })
	return nil
}

// keep has a socket go by another scope, and the sessions that came through it as well.
func (p *plan) keep(o *opened, sc *scope, moved map[*c2s.Config]*scope) {
	was, options := o.scope.Load(), socket(sc.at)
	options.File = o.options.File
	options.Gate = o.options.Gate
	if p.secrets.same && conf.Same(was.at, sc.at) {
		return
	}
	for _, cfg := range was.configs {
		moved[cfg] = sc
	}
	p.swap(func() {
		o.scope.Store(sc)
		if options == o.options {
			return
		}
		if err := o.ln.Change(options); err != nil {
			p.note("%s: the options of the socket could not all be changed: %v", sc.at.Pos, err)
			return
		}
		o.options = options
	})
}

// openFresh opens a socket. Where one that is to be closed is in the way (another address with the same
// port), that one makes room first, and comes back when nothing is to change after all.
func (p *plan) openFresh(sc *scope, old *[]*opened) (*opened, error) {
	o, err := p.s.listen(sc)
	if errors.Is(err, syscall.EADDRINUSE) && !sc.at.Address.IsUnix() {
		port := sc.at.Address.IP.Port()
		*old = slices.DeleteFunc(*old, func(in *opened) bool {
			if tcp, ok := in.ln.Addr().(*net.TCPAddr); !ok || tcp.Port != int(port) {
				return false
			}
			in.ln.Close()
			p.undo(func() {
				if err := p.s.relisten(in); err != nil {
					p.note("%v", err)
				}
			})
			return true
		})
		o, err = p.s.listen(sc)
	}
	if err != nil {
		return nil, err
	}
	p.undo(func() { o.ln.Close() })
	return o, nil
}

// adopt has the sessions that came through sockets that changed go by what holds there now.
func (s *Server) adopt(moved map[*c2s.Config]*scope) {
	if len(moved) == 0 {
		return
	}
	s.engine.Each(func(c *netio.Conn, h netio.Handler) {
		if st, ok := h.(*c2s.Stream); ok {
			if sc := moved[st.Config()]; sc != nil {
				st.Adopt(sc.of(c.RemoteAddr()))
			}
		}
	})
}

// leaveDomains ends what belongs to domains that are not served any more.
func (s *Server) leaveDomains() (ended int) {
	s.engine.Each(func(_ *netio.Conn, h netio.Handler) {
		switch st := h.(type) {
		case *c2s.Stream:
			st.HostGone()
		case *s2s.In:
			st.Recheck()
		}
	})
	for _, ses := range s.sessionsOutside() {
		s.router.EndGone(ses)
		ended++
	}
	return ended
}
