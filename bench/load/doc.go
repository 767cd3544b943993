// Package load makes a load: it holds very many client sessions of XMPP on one epoll loop, logs them in, lets them act
// as a scenario says, and measures what comes of it.
//
// An Engine is one loop and one goroutine. All sessions, their flows and all measurements belong to that goroutine, so that
// nothing is locked, and sender and receiver of every stanza have the same clock. Only what computes for long, TLS handshakes and
// the salting of passwords, runs elsewhere, and comes back by mail. An idle session owns no buffer, no timer and no goroutine.
package load
