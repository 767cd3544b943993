package main

import (
	"net/http"

	"roost/cmd/roost/conf"
	"roost/rosterdb/riakhttp"
)

// riak is the roster interface under /riak/. Without roster and presence nobody is told of a change.
func (s *Server) riak(cfg *conf.Config) http.Handler {
	o := riakhttp.Options{Store: s.store, Replacer: riakhttp.Direct(s.store), Elsewhere: elsewhere(cfg), Log: s.logFor("http")}
	if s.rosters != nil {
		o.Replacer = s.rosters
	}
	return riakhttp.New(o)
}
