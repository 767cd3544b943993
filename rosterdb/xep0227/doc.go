// Package xep0227 reads and writes the portable format of user data (XEP-0227
// version 1.1, "pie"): accounts with SCRAM keys or passwords, rosters with what
// waits, stored messages, vCards and private XML.
//
// Both directions stream: an import holds a few hundred users at a time, an
// export one. Documents and stanzas of users are written anew so that they mean
// the same in every place (canon.go); that form is the same after each turn, so
// that an import of an export, exported again, is the same file.
//
// What an import does not know is left out, counted and told, as §3 wants it
// (Report). XInclude (§4) is refused by name, and so is a document type.
package xep0227

// Namespaces of the format and of what stands in it.
const (
	nsPie     = "urn:xmpp:pie:0"
	nsScram   = "urn:xmpp:pie:0#scram" // §3.3
	nsRoster  = "jabber:iq:roster"     // §3.4
	nsPrivate = "jabber:iq:private"    // §3.6, XEP-0049
	nsVCard   = "vcard-temp"           // §3.7, XEP-0054
	nsClient  = "jabber:client"        // stanzas: §3.5, §3.9
	nsInclude = "http://www.w3.org/2001/XInclude"
)
