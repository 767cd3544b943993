package s2s

import (
	"bytes"

	"roost/router/stream"
	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

// Elements of XEP-0220. They are written with the prefix that our header declares.

// appendResult asks, as the originating server, that a pair be accepted (§2.1.1).
func appendResult(dst []byte, p Pair, key string) []byte {
	dst = appendDB(dst, "result", p.Local, p.Remote)
	dst = append(append(dst, '>'), key...)
	return append(dst, "</db:result>"...)
}

// appendVerify asks, as the receiving server, whether a key is theirs (§2.1.2).
func appendVerify(dst []byte, p Pair, id, key string) []byte {
	dst = appendDB(dst, "verify", p.Local, p.Remote)
	dst = append(xmlstream.AppendAttr(dst, "id", id), '>')
	dst = xmlstream.AppendText(dst, key)
	return append(dst, "</db:verify>"...)
}

// appendVerdict answers one of the two: valid, invalid, or, with an error, error (§2.4). id is empty
// for a result.
func appendVerdict(dst []byte, name string, p Pair, id, verdict string, e *stanza.StanzaError) []byte {
	dst = appendDB(dst, name, p.Local, p.Remote)
	if id != "" {
		dst = xmlstream.AppendAttr(dst, "id", id)
	}
	dst = xmlstream.AppendAttr(dst, "type", verdict)
	if e == nil {
		return append(dst, "/>"...)
	}
	dst = e.Append(append(dst, '>'))
	dst = append(dst, "</db:"...)
	return append(append(dst, name...), '>')
}

func appendDB(dst []byte, name, from, to string) []byte {
	dst = append(append(dst, "<db:"...), name...)
	dst = xmlstream.AppendAttr(dst, "from", from)
	return xmlstream.AppendAttr(dst, "to", to)
}

// Verdicts.
const (
	valid   = "valid"
	invalid = "invalid"
	failed  = "error"
)

// maxKey bounds what is taken for a key, in bytes: others than ours may be longer.
const maxKey = 256

// dbElement is one of theirs, read. All of it is owned.
type dbElement struct {
	pair    Pair   // Local is its to, Remote its from
	id      string // of verify
	verdict string // its type; empty for a question
	key     string
	cause   string // the condition of an error
}

// parseDB reads <db:result/> or <db:verify/>. A peer that writes addresses which are none, or no key,
// ends its stream.
func parseDB(el xmlstream.Element) (d dbElement, err error) {
	var ok1, ok2 bool
	d.pair.Remote, ok1 = domainOf(el.Attr("from"))
	d.pair.Local, ok2 = domainOf(el.Attr("to"))
	if !ok1 || !ok2 { // RFC 6120 §4.9.3.7
		return d, stanza.StreamImproperAddressing.With("dialback needs two domains")
	}
	id, _ := el.Attr("id")
	verdict, _ := el.Attr("type")
	key := bytes.TrimSpace(el.Text())
	if len(id) > maxKey || len(key) > maxKey {
		return d, stanza.StreamPolicyViolation.With("a dialback key or id of more than 256 bytes")
	}
	d.id, d.verdict, d.key = string(id), string(verdict), string(key)
	if d.verdict == failed {
		d.cause = "no reason given"
		for c := range el.First().Children() {
			if string(c.Space()) == stanza.NSStanzas && string(c.Local()) != "text" {
				d.cause = stream.Clip(c.Local())
			}
		}
	}
	return d, nil
}

// answerVerify is our part as the authoritative server (§2.1.3): the key tells by itself whether we
// made it, so that nothing needs to be remembered. It reports
// whether we did.
func (l *link) answerVerify(d dbElement) (ours bool) {
	back := Pair{d.pair.Local, d.pair.Remote}
	if l.srv.local(d.pair.Local) == nil {
		l.srv.log.Info("dialback key not verified", "domain", d.pair.Remote, "reason", d.pair.Local+" is not served here")
		l.write(func(dst []byte) []byte {
			return appendVerdict(dst, "verify", back, d.id, failed, stanza.ItemNotFound.New())
		})
		return false
	}
	verdict := valid
	if !l.srv.secret(d.pair).Holds(d.key, d.pair.Remote, d.pair.Local, d.id) {
		verdict = invalid
		l.srv.log.Info("dialback key not verified", "domain", d.pair.Remote, "reason", "the key for "+d.pair.Local+" is not ours: somebody else uses our name, or it is for another stream")
	}
	l.write(func(dst []byte) []byte { return appendVerdict(dst, "verify", back, d.id, verdict, nil) })
	return verdict == valid
}
