// Package router moves stanzas between the sessions of this server, and to the domains beyond it.
//
// A stream that has bound a resource owns a Session here. Route takes each stanza that the stream
// cuts and does what RFC 6120 §10 and RFC 6121 §8.5 say: it answers for the server and for
// accounts (iq.go), delivers to sessions (deliver.go is the RFC's table), keeps presence
// (presence.go), and stores what nobody is there to take (offline.go). The package knows no
// socket and no store: reach.go declares what it needs of them.
//
// Locks: a stripe of Router.turns → a stripe of Router.inbox → table shard → User.mu → the Outlet's
// own. Never two of one kind at once. The stripes are taken only where the caller may block, and
// held while the stores are asked: Rosters must not wait for them.
package router
