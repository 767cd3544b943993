// Package disco says what the server and its accounts are and can do (XEP-0030), and gives the
// server's answer the short name by which clients remember it (XEP-0115).
//
// What it tells comes from the router: features of the registered rows, forms that other features
// add.
package disco

import (
	"sync"

	"roost/router"
	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Namespaces of the protocols.
const (
	NSInfo  = "http://jabber.org/protocol/disco#info"
	NSItems = "http://jabber.org/protocol/disco#items"
	NSCaps  = "http://jabber.org/protocol/caps"
)

// Options are what the server says of itself.
type Options struct {
	Name  string // of the software; default Roost
	Node  string // XEP-0115 §4: a URI that stands for the software; default urn:roost:server
	Items []Item // what belongs to the server: the services beside it
}

// Item is one entry of the server's disco#items.
type Item struct {
	JID  jid.JID
	Name string // may be empty
}

// Service answers disco.
type Service struct {
	r     *router.Router
	opt   Options
	items []byte             // of the server
	own   func() description // of the server, made once: at the first question all rows are registered
}

// description is a disco#info answer without its envelope.
type description struct {
	ver  string // XEP-0115 §5
	body []byte
}

// Register adds the feature to r.
func Register(r *router.Router, o Options) *Service {
	if o.Name == "" {
		o.Name = "Roost"
	}
	if o.Node == "" {
		o.Node = "urn:roost:server"
	}
	s := &Service{r: r, opt: o}
	s.own = sync.OnceValue(s.describe)
	for _, it := range o.Items {
		s.items = appendItem(s.items, it)
	}
	all := router.ToServer | router.ToOwn | router.ToOthers
	r.Handle(
		router.Row{Space: NSInfo, Local: "query", Get: true, To: all, Unknown: true, Handle: s.info},
		router.Row{Space: NSItems, Local: "query", Get: true, To: all, Unknown: true, Handle: s.listItems},
	)
	r.AddFeature(router.ToServer, NSCaps)
	return s
}

func (s *Service) describe() description {
	id := []identity{{category: "server", kind: "im", name: s.opt.Name}}
	features, forms := s.r.Features(router.ToServer), s.r.Forms(router.ToServer)
	return description{verification(id, features, forms), appendInfo(nil, id, features, forms)}
}

// StreamFeature is the <c/> that stream features carry (XEP-0115 §6.3). Call it once all features
// are registered.
func (s *Service) StreamFeature() string {
	c := xmlstream.AppendAttr([]byte("<c xmlns='"+NSCaps+"' hash='sha-1'"), "node", s.opt.Node)
	return string(append(xmlstream.AppendAttr(c, "ver", s.own().ver), "/>"...))
}

// info answers disco#info.
func (s *Service) info(q *router.IQ) {
	node, _ := q.Payload.Attr("node")
	hasNode := len(node) > 0
	if q.Target == router.ToServer {
		d := s.own()
		if hasNode && string(node) != s.opt.Node+"#"+d.ver { // XEP-0115 §6.2; XEP-0030 §7
			q.Error(stanza.ItemNotFound.With("the server has no node of this name"))
			return
		}
		result(q, NSInfo, d.body)
		return
	}
	switch sees, err := s.r.Sees(q.Account(), q.From); {
	case err != nil:
		q.Fault("roster", err)
	case !sees: // XEP-0030 §8: as for an account that does not exist
		q.Error(stanza.ServiceUnavailable.New())
	case hasNode:
		q.Error(stanza.ItemNotFound.With("the account has no node of this name"))
	default:
		id := []identity{{category: "account", kind: "registered"}} // §3.1
		result(q, NSInfo, appendInfo(nil, id, s.r.Features(q.Target), s.r.Forms(q.Target)))
	}
}

// listItems answers disco#items. Accounts have none that may be shown: who sees the account's
// presence knows its resources.
func (s *Service) listItems(q *router.IQ) {
	node, _ := q.Payload.Attr("node")
	hasNode := len(node) > 0
	if q.Target == router.ToServer {
		if hasNode {
			q.Error(stanza.ItemNotFound.With("the server has no node of this name"))
			return
		}
		result(q, NSItems, s.items)
		return
	}
	switch sees, err := s.r.Sees(q.Account(), q.From); {
	case err != nil:
		q.Fault("roster", err)
	case sees && hasNode:
		q.Error(stanza.ItemNotFound.With("the account has no node of this name"))
	default: // XEP-0030 §8: strangers learn no more than of an account that does not exist
		result(q, NSItems, nil)
	}
}

// result answers with a query that mirrors the node of the request (XEP-0030 §3.2).
func result(q *router.IQ, space string, body []byte) {
	q.Result(func(dst []byte) []byte {
		dst = append(append(append(dst, "<query xmlns='"...), space...), '\'')
		if node, ok := q.Payload.Attr("node"); ok {
			dst = xmlstream.AppendAttr(dst, "node", node)
		}
		if len(body) == 0 {
			return append(dst, "/>"...)
		}
		return append(append(append(dst, '>'), body...), "</query>"...)
	})
}
