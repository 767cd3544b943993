// Package xmlstream cuts the XML of an XMPP stream into whole stanzas, in place: the restricted
// XML of RFC 6120 §11, which is namespaced XML 1.0 without comments, processing instructions,
// document type definitions and entities of one's own. It knows XML and nothing of XMPP.
//
// A Tokenizer is fed the bytes as they come. It returns each child of the root as an
// Element, a view of the very bytes that were given: nothing is copied except values that
// stand encoded (references, CDATA, line ends). A stanza that has not come whole is gone on with
// where the bytes ended, however they are cut. In steady state nothing is allocated.
//
//	for {
//		ev, el, n, err := tok.Next(buf[used:])
//		used += n
//		if err == xmlstream.ErrShort {
//			return used // keep buf[used:], come back with more
//		}
//		…
//	}
package xmlstream
