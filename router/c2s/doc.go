// Package c2s is the client's side of the server: one Stream per connection, from its header over
// STARTTLS, SASL and resource binding (RFC 6120 §4 to §7) to the routing of stanzas (§8).
//
// A Stream lives on the loop of its connection. What may block (credentials, stores) runs in a
// Pool beside it, one piece at a time per Stream, while the connection is paused; so the stanzas
// of a Stream are handled one after the other, and no loop ever waits.
package c2s
