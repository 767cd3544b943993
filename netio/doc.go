// Package netio moves bytes between sockets and Handlers on a few event loops.
//
// Every connection lives on one loop for its whole life. A loop is a
// netpoll.Listener whose descriptor is an epoll of our own: netpoll watches it
// and calls Accept on its poller goroutine whenever one of our sockets has
// something to say, and Accept serves a bounded batch of them. An idle Conn
// therefore owns one small struct and nothing else: no goroutine, no buffer, no
// timer. DESIGN.md says what that costs and how it was measured.
//
// # Who may call what
//
// All Handler calls of one Conn run on its loop, one at a time, and must not
// block: a Handler that has to wait pauses the Conn, works elsewhere and calls
// Resume. Send, SendLast, Close, Abort, Resume, Post, IdleSeconds, RemoteAddr,
// LocalAddr, Crowds, AwaitRoom and TLS may be called from any goroutine; Pause, SetTimer and
// StartTLS only on the loop. None of them ever blocks on a peer.
//
// # Whose bytes
//
// OnData borrows its argument until it returns. Send takes over one reference
// to a Frame and releases it exactly once, whatever happens to the Conn.
//
// # Locks
//
// One Conn lock is held at a time and never across a Handler call or a system
// call that a peer could make slow. Only the owning loop reads, writes and
// closes a descriptor, so that a number is never reused under somebody's hands.
package netio
