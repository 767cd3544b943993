package netio

import (
	"log/slog"
	"time"
)

// Config is what an Engine needs to know. The zero value of a field means its
// default.
type Config struct {
	// Loops is the number of event loops; default GOMAXPROCS.
	Loops int
	// ReadBuffer is the size in bytes of a loop's one read buffer; default
	// 65536. 1 cuts the input at every byte (plain text and opened TLS
	// records alike), which is what tests want.
	ReadBuffer int
	// MaxConns caps the connections of the Engine; default RLIMIT_NOFILE less
	// a reserve for files, listeners and the store.
	MaxConns int
	// Handshakes caps the TLS handshakes that are open at the same time, each
	// of which costs a goroutine; default 1024. The others wait their turn
	// (their time-out runs) without one.
	Handshakes int
	// LingerTimeout bounds how long Close waits for a peer to take what is
	// queued and to close its side; default 5 s.
	LingerTimeout time.Duration
	// Tick is the resolution of timers; default 1 s. Tests make it shorter.
	Tick time.Duration
	// Log receives what nobody else can be told: refused connections,
	// panics. Default slog.Default().
	Log *slog.Logger
}
