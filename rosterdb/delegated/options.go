package delegated

import (
	"log/slog"
	"net/http"
	"time"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// Options of a Store. Domain, URL, Online and Log are required; a zero field is the default.
type Options struct {
	Domain string // served, prepared
	// URL is where a roster is asked for: %s is the user's name, %h the domain, both URL-encoded.
	URL   string
	Token string // bearer token (RFC 6750) of the requests; none when empty
	// Timeout bounds one fetch: waiting for its turn, all its tries, and the answer. Default 5 s.
	Timeout time.Duration

	// Online reports whether a user has a session. It must not block or call the Store.
	Online func(user jid.JID) bool
	// Exists reports whether an account is there. Nobody asks the application about others, their
	// rosters are empty. nil: all are there.
	Exists func(user jid.JID) (bool, error)
	// Changed is told how the roster of a user with sessions has changed, after the Store gives the
	// new one and before the request that brought it is answered. Calls for one owner come one after
	// the other.
	Changed func(owner jid.JID, old, now *rosterdb.Roster)
	Log     *slog.Logger

	Transport http.RoundTripper // default: a pool of connections of its own

	Concurrency int   // requests to the application at a time; default 64
	MaxBody     int64 // bytes of an answer; default 4 MiB
	MaxItems    int   // contacts in a roster; default 10 000
	MaxGroups   int   // groups of a contact; default 64
	MaxName     int   // bytes of a name or group; default 1023
	Tries       int   // requests in one fetch, all within Timeout; default 4

	IdleBytes int           // memory for rosters of users without a session, about; default 16 MiB
	IdleAge   time.Duration // how long those are taken for true without asking; default 1 min

	// Hold is how long a failed fetch is remembered instead of being tried again, so that a login
	// that needs the roster twice waits once. Default: Timeout, at most 5 s.
	Hold time.Duration
	// Trip is how many requests in a row must fail before the application is left alone; half of at
	// least twice as many within 10 s will do as well. Default 10.
	Trip int
	// Pause is how long it is left alone then; and how often rosters that could not be fetched anew
	// are tried again. Default 5 s.
	Pause time.Duration

	// LogEvery is how often one kind of failure is logged at most. Default 1 min.
	LogEvery time.Duration

	MaxNames    int           // names in one refresh; default 200 000
	MaxRefresh  int64         // bytes of its body; default 16 MiB
	Refreshes   int           // refreshes at a time; default 16
	RefreshTime time.Duration // for one refresh, after which the rest has failed; default 5 min
}

func def[T int | int64 | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}

func (o Options) withDefaults() Options {
	def(&o.Timeout, 5*time.Second)
	def(&o.Concurrency, 64)
	def(&o.MaxBody, 4<<20)
	def(&o.MaxItems, 10_000)
	def(&o.MaxGroups, 64)
	def(&o.MaxName, 1023)
	def(&o.Tries, 4)
	def(&o.IdleBytes, 16<<20)
	def(&o.IdleAge, time.Minute)
	def(&o.Hold, min(o.Timeout, 5*time.Second))
	def(&o.Trip, 10)
	def(&o.Pause, 5*time.Second)
	def(&o.LogEvery, time.Minute)
	def(&o.MaxNames, 200_000)
	def(&o.MaxRefresh, 16<<20)
	def(&o.Refreshes, 16)
	def(&o.RefreshTime, 5*time.Minute)
	if o.Exists == nil {
		o.Exists = func(jid.JID) (bool, error) { return true, nil }
	}
	if o.Changed == nil {
		o.Changed = func(jid.JID, *rosterdb.Roster, *rosterdb.Roster) {}
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{
			MaxIdleConns: o.Concurrency, MaxIdleConnsPerHost: o.Concurrency, MaxConnsPerHost: o.Concurrency,
			IdleConnTimeout: time.Minute, TLSHandshakeTimeout: o.Timeout, MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2: true}
	}
	return o
}
