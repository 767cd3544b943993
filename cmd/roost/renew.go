package main

import (
	"time"

	"roost/tlsconf"
)

// renewPeriod is how often the files of certificates are looked at.
const renewPeriod = 5 * time.Second

// renewCertificates puts certificates to use that were replaced on disk, without being told, until the
// server stops. One that cannot be used is named once, and the one before stays.
func (s *Server) renewCertificates(tick <-chan time.Time) {
	for {
		select {
		case <-s.stopping:
			return
		case <-tick:
		}
		s.reloading.Lock()
		for _, c := range s.secrets.Load().all() {
			s.renew(c)
		}
		s.reloading.Unlock()
	}
}

func (s *Server) renew(c *tlsconf.Config) {
	if !c.Changed() {
		return
	}
	if err := c.Reload(); err != nil {
		s.log.Error("a certificate was replaced and cannot be used; the one before stays", "err", err)
		return
	}
	at, file := c.Expires()
	s.log.Info("certificate read again, its file has changed", "file", file, "expires", at.Format(time.DateOnly))
	for _, n := range c.Notes() {
		s.log.Warn(n)
	}
}
