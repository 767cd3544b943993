package riakhttp

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"roost/rosterdb"
	"roost/xmlstream/jid"
)

// Store is what is read here; rosterdb.Store has it.
type Store interface {
	Roster(owner jid.JID) (*rosterdb.Roster, error)
	RosterOwners(domain string, after jid.JID, n int) ([]jid.JID, error)
}

// Replacer changes a roster and tells those who are on line. A nil r deletes. check sees the roster
// that is there in the same transaction; its error refuses the change and is returned as it is. now
// is what is stored then. It may block, and is called by many goroutines.
type Replacer interface {
	ReplaceIf(owner jid.JID, r *rosterdb.Roster, check func(old *rosterdb.Roster) error) (now *rosterdb.Roster, err error)
}

// Direct is the Replacer where nobody is told.
func Direct(s rosterdb.Rosters) Replacer { return direct{s} }

type direct struct{ s rosterdb.Rosters }

func (d direct) ReplaceIf(owner jid.JID, r *rosterdb.Roster, check func(*rosterdb.Roster) error) (*rosterdb.Roster, error) {
	_, now, err := d.s.ReplaceRoster(owner, r, check)
	return now, err
}

// Options makes a handler. A zero field from MaxBody on is the default.
type Options struct {
	Store    Store
	Replacer Replacer
	// Elsewhere are the domains, prepared, whose rosters are not in Store. All others may be loaded, also
	// before the server serves them.
	Elsewhere []string

	MaxBody  int64         // bytes of one roster, and of one line of many; default 16 MiB
	MaxLoads int           // loads of many at once, each of which takes up to some 60 MiB; default 4
	Idle     time.Duration // how long a client may neither send nor take a byte; default 30 s
	Log      *slog.Logger  // nil: slog.Default()
}

// Defaults of Options.
const (
	defaultMaxBody  = 16 << 20
	defaultMaxLoads = 4
	defaultIdle     = 30 * time.Second
)

// Prefix is where the handler belongs.
const Prefix = "/riak/"

// bucket is the one bucket that there is, in lower case.
const bucket = "xmpp"

// handler serves the interface.
type handler struct {
	o     Options
	loads chan struct{} // one for each load that runs
}

// New makes the handler for Prefix. It refuses changes that a browser sends for another site.
func New(o Options) http.Handler {
	if o.MaxBody == 0 {
		o.MaxBody = defaultMaxBody
	}
	if o.MaxLoads == 0 {
		o.MaxLoads = defaultMaxLoads
	}
	if o.Idle == 0 {
		o.Idle = defaultIdle
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		bad(http.StatusForbidden, "a page of another site must not change rosters").write(w)
	}))
	return guard.Handler(&handler{o, make(chan struct{}, o.MaxLoads)})
}

// action answers one method.
type action func(h *handler, w http.ResponseWriter, q *http.Request, owner jid.JID) *problem

var keyActions = map[string]action{
	http.MethodGet: (*handler).get, http.MethodHead: (*handler).get, http.MethodPut: (*handler).put,
	http.MethodPost: (*handler).put, http.MethodDelete: (*handler).delete,
}

var bucketActions = map[string]action{
	http.MethodGet: (*handler).list, http.MethodHead: (*handler).list, http.MethodPost: (*handler).load,
}

func (h *handler) ServeHTTP(w http.ResponseWriter, q *http.Request) {
	w.Header().Set("Vary", "Accept-Encoding")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if p := h.serve(w, q); p != nil {
		p.write(w)
	}
}

func (h *handler) serve(w http.ResponseWriter, q *http.Request) *problem {
	name, key, isKey, p := cutPath(q.URL)
	if p != nil {
		return p
	}
	if !strings.EqualFold(name, bucket) {
		return bad(http.StatusNotFound, "there is no bucket %q; rosters are in %s%s", name, Prefix, bucket)
	}
	var owner jid.JID
	actions := bucketActions
	if isKey {
		actions = keyActions
		if owner, p = h.owner(key); p != nil {
			return p
		}
	}
	act := actions[q.Method]
	if act == nil {
		var allow []string
		for m := range actions {
			allow = append(allow, m)
		}
		slices.Sort(allow)
		w.Header().Set("Allow", strings.Join(allow, ", "))
		return bad(http.StatusMethodNotAllowed, "%s is not for this page; there are %s", q.Method, strings.Join(allow, ", "))
	}
	return act(h, w, q, owner)
}

// cutPath takes /riak/BUCKET or /riak/BUCKET/KEY apart; a slash in the key may be percent-encoded
// or not.
func cutPath(u *url.URL) (name, key string, isKey bool, p *problem) {
	rest := strings.TrimPrefix(u.EscapedPath(), Prefix)
	name, key, isKey = strings.Cut(rest, "/")
	name, err1 := url.PathUnescape(name)
	key, err2 := url.PathUnescape(key)
	if err1 != nil || err2 != nil {
		return "", "", false, bad(http.StatusBadRequest, "the path %q has a wrong percent-encoding", rest)
	}
	return name, key, isKey && key != "", nil
}

// owner reads a key.
func (h *handler) owner(key string) (jid.JID, *problem) {
	j, err := jid.Parse(key)
	switch {
	case err != nil:
		return jid.JID{}, bad(http.StatusBadRequest, "the key %q is no address: %v", key, err)
	case !j.IsBare():
		return jid.JID{}, bad(http.StatusBadRequest, "the key %q has a resource; write %s", key, j.Bare())
	case slices.Contains(h.o.Elsewhere, j.Domain()):
		return jid.JID{}, bad(http.StatusNotFound, "the rosters of %s are not here; they belong to its HTTP_Roster_URL", j.Domain())
	}
	return j, nil
}

// loadOwner is owner for a line of many.
func (h *handler) loadOwner(addr string) (jid.JID, error) {
	j, p := h.owner(addr)
	if p != nil {
		return j, fmt.Errorf("%s", p.Error)
	}
	return j, nil
}
