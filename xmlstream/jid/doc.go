// Package jid holds XMPP addresses (RFC 7622): local@domain/resource.
//
// An address is prepared once, where it enters, and compared by bytes
// afterwards: JID is a comparable struct, so == and map keys do what RFC 7622
// §3 asks. The parts follow
//
//	local     UsernameCaseMapped profile (RFC 8265 §3.3) without " & ' / : < > @
//	domain    IDNA2008 U-labels or an IP literal, lower case, no final dot
//	resource  OpaqueString profile (RFC 8265 §4.2), no leading space
//
// and each that is there has 1 to 1023 octets after preparation (RFC 7622
// §3.2 to §3.4). Plain ASCII takes a short way that never enters the Unicode
// tables: an address that is canonical already costs no allocation in
// ParseBorrowed and one copy in ParseBytes.
package jid
