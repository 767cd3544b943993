package stream

import (
	"bytes"
	"strconv"

	"roost/xmlstream"
	"roost/xmlstream/jid"
	"roost/xmlstream/stanza"
)

// Header is what an initial stream header said (RFC 6120 §4.7). All of it is owned.
type Header struct {
	To   jid.JID // the domain that the peer wants; zero when absent
	From jid.JID // zero when absent
	Lang string
	Old  bool // no version: a peer from before XMPP 1.0 (§4.7.5)
}

// ParseHeader checks the root start tag of a stream whose content namespace is to be space
// (stanza.NSClient or NSServer). Errors are *stanza.StreamError; the Header is filled as far as it
// was understood, so that the answer can still name the peer.
func ParseHeader(el xmlstream.Element, space string) (Header, error) {
	h := Header{Lang: string(el.Lang())}
	var bad error
	if v, ok := el.Attr("from"); ok {
		from, err := jid.ParseBytes(v)
		if err != nil {
			bad = &stanza.StreamError{Condition: stanza.StreamInvalidFrom, Err: err} // §4.9.3.9
		}
		h.From = from
	}
	if v, ok := el.Attr("to"); ok {
		to, err := jid.ParseBytes(v)
		if err != nil { // §4.9.3.6: an address that is none names no host of ours
			bad = &stanza.StreamError{Condition: stanza.StreamHostUnknown, Err: err}
		}
		h.To = to
	}
	if err := checkNames(el, space); err != nil {
		return h, err
	}
	old, err := checkVersion(el)
	h.Old = old
	if err != nil {
		return h, err
	}
	return h, bad
}

func checkNames(el xmlstream.Element, space string) error {
	switch {
	case string(el.Space()) != stanza.NSStream: // §4.9.3.10
		return stanza.StreamInvalidNamespace.With("the root is not in " + stanza.NSStream)
	case string(el.Local()) != "stream": // §4.9.3.1
		return stanza.StreamBadFormat.With("the root is not a stream")
	case string(el.Prefix()) != "stream": // §4.8.5, §4.9.3.2
		return stanza.StreamBadNamespacePrefix.With("the stream namespace needs the prefix stream")
	case string(el.Namespace("")) != space: // §4.8.2, §4.9.3.10
		return stanza.StreamInvalidNamespace.With("the content namespace is not " + space)
	}
	return nil
}

// checkVersion obeys RFC 6120 §4.7.5: "major.minor", compared as numbers; a major of 0 or none at
// all is too old, a higher one is answered with ours.
func checkVersion(el xmlstream.Element) (old bool, err error) {
	v, ok := el.Attr("version")
	if !ok {
		return true, stanza.StreamUnsupportedVersion.With("version 1.0 is needed")
	}
	major, minor, dot := bytes.Cut(v, []byte{'.'})
	n, err1 := strconv.ParseUint(string(major), 10, 31)
	_, err2 := strconv.ParseUint(string(minor), 10, 31)
	if !dot || err1 != nil || err2 != nil || n < 1 {
		return false, stanza.StreamUnsupportedVersion.With("version \"" + Clip(v) + "\" is not supported, 1.0 is")
	}
	return false, nil
}

// Answer is our header in return; without an ID it is the one that opens a stream.
type Answer struct {
	Space string // content namespace
	ID    string
	From  string // our domain
	To    jid.JID
	Lang  string

	Dialback bool // of a stream between servers: declares the prefix db (XEP-0220)
}

// Append writes the header with its XML declaration (§4.2, §4.7). A peer without version gets ours
// all the same, followed by an error.
func (a Answer) Append(dst []byte) []byte {
	dst = append(dst, "<?xml version='1.0'?><stream:stream xmlns='"...)
	dst = append(dst, a.Space...)
	dst = append(dst, "' xmlns:stream='"+stanza.NSStream+"' version='1.0'"...)
	if a.Dialback {
		dst = append(dst, " xmlns:db='jabber:server:dialback'"...)
	}
	if a.ID != "" {
		dst = xmlstream.AppendAttr(dst, "id", a.ID)
	}
	if a.From != "" {
		dst = xmlstream.AppendAttr(dst, "from", a.From)
	}
	if !a.To.IsZero() { // §4.7.2
		dst = xmlstream.AppendAttr(dst, "to", a.To.String())
	}
	if a.Dialback { // the language of what others say is not ours to tell
		return append(dst, '>')
	}
	return append(dst, " xml:lang='en'>"...) // §4.7.4: our texts are English
}
