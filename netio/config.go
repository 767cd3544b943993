package netio

import (
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
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
	// a quarter, at most 1024, for listeners, files and the store.
	MaxConns int
	// Handshakes caps the TLS handshakes that have begun and are not over, each
	// of which costs a goroutine and 25 KB in all; default 4096. When one more
	// begins, the oldest that waits for its peer is dropped, and of those the
	// ones of an address (IPv6: of a /64) that has more than an eighth first.
	Handshakes int
	// LingerTimeout bounds how long Close waits for a peer to take what is
	// queued and to close its side; default 5 s.
	LingerTimeout time.Duration
	// LibraryRecords leaves the records of TLS 1.3 to crypto/tls after the
	// handshake, as those of TLS 1.2 always are: 6 KB more for each idle
	// connection.
	LibraryRecords bool
	// Tick is the resolution of timers, at least 1 ms; default 1 s. Tests
	// make it shorter.
	Tick time.Duration
	// Log receives what nobody else can be told: refused connections,
	// panics. Default slog.Default().
	Log *slog.Logger

	processors int // handshakes that compute at the same time
}

// Defaults of Config and ListenOptions.
const (
	defaultReadBuffer = 64 << 10
	defaultHandshakes = 4096
	defaultLinger     = 5 * time.Second
	defaultTick       = time.Second
	maxReserve        = 1024
	defaultBacklog    = 500
	defaultFileMode   = 0o660
	defaultSendLimit  = 1 << 20
	defaultPark       = 10 * time.Second
)

// complete checks cfg and fills in the defaults.
func (cfg *Config) complete() error {
	for _, o := range []struct {
		name  string
		value *int
		def   func() (int, error)
	}{
		{"Loops", &cfg.Loops, func() (int, error) { return runtime.GOMAXPROCS(0), nil }},
		{"ReadBuffer", &cfg.ReadBuffer, func() (int, error) { return defaultReadBuffer, nil }},
		{"MaxConns", &cfg.MaxConns, maxConns},
		{"Handshakes", &cfg.Handshakes, func() (int, error) { return defaultHandshakes, nil }},
	} {
		if *o.value < 0 {
			return fmt.Errorf("netio: %s %d is negative; 0 means the default", o.name, *o.value)
		}
		if *o.value == 0 {
			v, err := o.def()
			if err != nil {
				return fmt.Errorf("netio: default for %s: %w", o.name, err)
			}
			*o.value = v
		}
	}
	if cfg.LingerTimeout < 0 {
		return fmt.Errorf("netio: LingerTimeout %v is negative; 0 means %v", cfg.LingerTimeout, defaultLinger)
	}
	if cfg.LingerTimeout == 0 {
		cfg.LingerTimeout = defaultLinger
	}
	if cfg.Tick == 0 {
		cfg.Tick = defaultTick
	}
	if cfg.Tick < time.Millisecond {
		return fmt.Errorf("netio: Tick %v is shorter than 1ms", cfg.Tick)
	}
	if cfg.Log == nil {
		cfg.Log = slog.Default()
	}
	cfg.processors = runtime.GOMAXPROCS(0)
	return nil
}

// maxConns leaves a reserve below the limit of descriptors.
func maxConns() (int, error) {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &lim); err != nil {
		return 0, fmt.Errorf("getrlimit RLIMIT_NOFILE: %w", err)
	}
	cur := min(lim.Cur, 1<<30)
	return int(max(cur-min(cur/4, maxReserve), 1)), nil
}
