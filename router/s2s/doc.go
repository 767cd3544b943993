// Package s2s is the way to other domains: streams from other servers (in.go), streams to them
// (out.go), and the proof of who is at the other end, by certificate (SASL EXTERNAL, XEP-0178) or by
// dialback (XEP-0220).
//
// What counts everywhere is a Pair of domains, one of ours and one of theirs. A stream carries
// stanzas of the pairs that were proven on it and of no others; what its header says proves nothing.
//
// A Stream lives on the loop of its connection. Names are resolved, certificates checked and stanzas
// routed that may block beside the loop, one piece at a time per stream.
//
// Locks: Server.mu → Out.mu → the connection's. Neither is held while stanzas are handed back to the
// router, which takes the locks of its own first and may call Send under them.
package s2s
