package s2s

import (
	"roost/xmlstream/jid"
)

// A Pair is a domain of ours and one of theirs, in whichever direction stanzas go.
type Pair struct{ Local, Remote string }

func (p Pair) String() string { return p.Local + " and " + p.Remote }

// proof is what is known of a Pair on one incoming stream.
type proof uint8

const (
	unproven proof = iota // nothing was asked yet, or the answer was no
	pending               // its authoritative server was asked (XEP-0220 §2.1.2)
	proven                // stanzas of this pair are taken
	nProofs
)

// step is something that bears on a proof.
type step uint8

const (
	asked     step = iota // <db:result>KEY</db:result> came
	confirmed             // the authoritative server said valid, or a certificate did
	denied                // it said invalid
	unknown               // it could not be asked, or gave no answer
	nSteps
)

// proofs is where each step leads. A key for a pair that is proven already changes nothing: it is
// answered with what is known. An answer for a pair about which nobody was asked is not believed.
var proofs = [nProofs][nSteps]proof{
	unproven: {asked: pending, confirmed: unproven, denied: unproven, unknown: unproven},
	pending:  {asked: pending, confirmed: proven, denied: unproven, unknown: unproven},
	proven:   {asked: proven, confirmed: proven, denied: proven, unknown: proven},
}

// domainOf reads an attribute that has to be a domain and nothing more. The result is owned.
func domainOf(v []byte, ok bool) (string, bool) {
	if !ok {
		return "", false
	}
	j, err := jid.ParseBytes(v)
	if err != nil || !j.IsDomain() {
		return "", false
	}
	return j.Domain(), true
}

// domainJID is the address of a domain that was read from one; zero for none.
func domainJID(domain string) jid.JID {
	j, err := jid.New("", domain, "")
	if err != nil {
		return jid.JID{}
	}
	return j
}
