package statuspage

import "time"

// Snapshot is what the server does at one moment. Numbers marked as counters grow from the start of
// the process; the page shows what they grow by.
type Snapshot struct {
	Time    time.Time
	Version string
	Started time.Time
	State   string // "serving", "draining", "stopping"
	Domains []string

	Connections int // open
	LoggingIn   int // of these, not bound yet
	Sessions    int // bound
	Available   int // of these, with presence
	Secured     int // connections with TLS

	In, Out  Stanzas // counters
	Logins   []Login
	Latency  Latency
	Resident uint64 // bytes that the process holds
	Heap     uint64 // bytes of these that are in use by objects

	Listeners []Listener
	Links     []Link
	Busiest   []Peer // most stanzas per second
	Slowest   []Peer // most bytes waiting
	Errors    []LogLine
}

// Stanzas are counters by kind.
type Stanzas struct{ Message, Presence, IQ uint64 }

func (s Stanzas) sum() uint64 { return s.Message + s.Presence + s.IQ }

// Login is how often a mechanism ended with a result; Count is a counter.
type Login struct {
	Mechanism string
	Result    string // "success", or the condition of the failure
	Count     uint64
}

// Success is what Login.Result says of a login that worked.
const Success = "success"

// Latency tells how long stanzas took from being read to being written, over the last minute. All is 0
// when there were none.
type Latency struct{ P50, P95, P99 time.Duration }

// Listener is one listening socket.
type Listener struct {
	Address string
	Kind    string // what it takes: "XMPP", "XMPP, direct TLS", "HTTP"
	State   string // "open", "disabled", "closed for draining"
}

// Link is the way to or from another domain.
type Link struct {
	Domain    string
	Direction string // "in", "out", "both"
	State     string // such as "verified", "connecting", "waiting"
	Since     time.Time
	Reason    string // why it is not verified; "" when it is
	Waiting   int    // stanzas
}

// Peer is a session that stands out.
type Peer struct {
	JID   string
	Value float64 // stanzas per second, or bytes
}

// LogLine is one of the last warnings and errors.
type LogLine struct {
	Time  time.Time
	Level string
	Text  string
	Times int // how often it was said in a row
}
