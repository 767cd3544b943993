package load

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/xdg-go/scram"

	"roost/bench/measure"
	"roost/bench/people"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// An exchange is a SCRAM conversation under way.
type exchange struct {
	conv  *scram.ClientConversation
	keyed bool // the first challenge has been answered
}

// credentials keep what SCRAM computes of passwords, so that only a user's first login pays for the salting, as long as the
// server keeps the salt. About 0.6 KB a user who logs in by SCRAM.
type credentials struct {
	names *people.Names
	mu    sync.Mutex // guards kept
	kept  map[credential]*scram.Client
}

type credential struct {
	user int
	mech string
}

func newCredentials(n *people.Names) *credentials {
	return &credentials{names: n, kept: make(map[credential]*scram.Client)}
}

var hashes = map[string]scram.HashGeneratorFcn{"SCRAM-SHA-1": scram.SHA1, "SCRAM-SHA-256": scram.SHA256, "SCRAM-SHA-512": scram.SHA512}

func (c *credentials) client(user int, mech string) (*scram.Client, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	k := credential{user, mech}
	if cl := c.kept[k]; cl != nil {
		return cl, nil
	}
	cl, err := hashes[mech].NewClient(c.names.UserOf(user), c.names.PasswordOf(user), "")
	if err == nil {
		c.kept[k] = cl
	}
	return cl, err
}

// mechanism chooses one that the server offers.
func (e *Engine) mechanism(el xmlstream.Element) (string, error) {
	var offered []string
	for m := range el.Children() {
		offered = append(offered, string(m.Inner()))
	}
	for _, m := range e.sc.Login.Mechanisms {
		if slices.Contains(offered, m) {
			return m, nil
		}
	}
	return "", fmt.Errorf("the server offers %s, the scenario wants one of %s", strings.Join(offered, " "),
		strings.Join(e.sc.Login.Mechanisms, " "))
}

// authenticate begins SASL (RFC 6120 §6.4.2).
func (e *Engine) authenticate(i int32, mechs xmlstream.Element) {
	s := &e.sess[i]
	s.state, s.step = auth, e.now
	mech, err := e.mechanism(mechs)
	if err != nil {
		e.fail(i, err.Error())
		return
	}
	var first []byte
	switch {
	case mech == "PLAIN": // RFC 4616
		n := &e.cfg.Target.Names
		first = append(first, 0)
		first = append(n.AppendUser(first, e.user(i)), 0)
		first = append(first, n.PasswordOf(e.user(i))...)
	case mech == "ANONYMOUS":
	default:
		cl, err := e.creds.client(e.user(i), mech)
		if err != nil {
			e.fail(i, err.Error())
			return
		}
		s.sasl = &exchange{conv: cl.NewConversation()}
		out, err := s.sasl.conv.Step("")
		if err != nil {
			e.fail(i, err.Error())
			return
		}
		first = []byte(out)
	}
	b := append(e.buf(i), "<auth xmlns='"+stanza.NSSASL+"' mechanism='"...)
	b = append(b, mech...)
	b = append(b, "'>"...)
	if len(first) == 0 {
		b = append(b, '=') // RFC 6120 §6.4.2: an empty response
	}
	b = base64.StdEncoding.AppendEncode(b, first)
	e.put(i, append(b, "</auth>"...))
}

// onAuth serves what comes during SASL.
func (e *Engine) onAuth(i int32, el xmlstream.Element) {
	s := &e.sess[i]
	switch {
	case el.Is(stanza.NSSASL, "challenge") && s.sasl != nil:
		e.challenge(i, string(el.Inner()))
	case el.Is(stanza.NSSASL, "success"):
		if s.sasl != nil {
			// RFC 5802 §3: the server must prove that it knows the password, too.
			last, err := base64.StdEncoding.DecodeString(string(el.Inner()))
			if err == nil && len(last) > 0 {
				_, err = s.sasl.conv.Step(string(last))
			}
			if err == nil && !s.sasl.conv.Valid() {
				err = errors.New("the server's signature is wrong")
			}
			if err != nil {
				e.fail(i, err.Error())
				return
			}
			s.sasl = nil
		}
		e.seg.Record(measure.Auth, -1, e.now-s.step)
		s.authed = true
		e.begin(i)
	case el.Is(stanza.NSSASL, "failure"):
		e.fail(i, string(el.First().Local()))
	default:
		e.fail(i, "unexpected <"+string(el.Local())+"/>")
	}
}

// challenge answers one; the first has the password salted, which takes a millisecond or more and so happens elsewhere.
func (e *Engine) challenge(i int32, text string) {
	s := &e.sess[i]
	in, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		e.fail(i, "the challenge is no base64")
		return
	}
	if s.sasl.keyed {
		out, err := s.sasl.conv.Step(string(in))
		e.respond(i, out, err)
		return
	}
	x, serial := s.sasl, s.serial
	x.keyed = true
	s.state = salting
	e.log.working++
	go func() {
		out, err := x.conv.Step(string(in))
		e.post(func() {
			e.log.working--
			if s := &e.sess[i]; s.serial == serial {
				s.state = auth
				e.respond(i, out, err)
			}
		})
	}()
}

func (e *Engine) respond(i int32, out string, err error) {
	if err != nil {
		e.fail(i, err.Error())
		return
	}
	b := append(e.buf(i), "<response xmlns='"+stanza.NSSASL+"'>"...)
	b = base64.StdEncoding.AppendEncode(b, []byte(out))
	e.put(i, append(b, "</response>"...))
}
