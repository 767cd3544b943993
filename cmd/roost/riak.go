package main

import (
	"net/http"

	"roost/rosterdb/riakhttp"
)

// riak is the roster interface under /riak/. Without roster and presence nobody is told of a change.
func (s *Server) riak() http.Handler {
	o := riakhttp.Options{Store: s.store, Replacer: riakhttp.Direct(s.store), Elsewhere: elsewhere(s.conf()), Log: s.logFor("http")}
	if s.rosters != nil {
		o.Replacer = s.rosters
	}
	return riakhttp.New(o)
}
