// Package xmpplog writes the stanza logs of xmpp_logger: one line for every stanza that is received
// (R), one for every stanza that is delivered (D), and a heartbeat (M).
//
// # Lines
//
// A line is a format with its macros replaced. What a format says literally stands in the line as
// it was written; the values of macros are escaped, so that no value holds a +, a line end or any
// other control character:
//
//	\\     a backslash
//	\n \r \t
//	\xNN   any other byte that is escaped, in hexadecimal: +, control characters (those of
//	       Unicode, U+0080 to U+009F, U+2028 and U+2029, as the bytes of their UTF-8), and bytes
//	       that are no UTF-8
//
// So lines may be cut at every line end, and lines of the default formats at every +, by programs
// that know nothing of escapes; each field is then unescaped by itself. In a format with
// another separator, a value may hold that separator. An attribute that is not there is an empty
// field.
//
// # Macros
//
//	%t   Unix time in seconds
//	%st  iq, message or presence; error for a stream error, stream for anything else that is about
//	     the stream
//	%sr  the stanza as it was on the wire
//	%so  the same with each character inside of <body/> and <subject/>, of whatever namespace and
//	     depth, replaced by *
//	%af  the attribute from; in an R record the sender as the server knows it
//	%at %ai %ay  the attributes to, id and type, as the stanza has them
//	%H   address and port of the client, as in 192.0.2.1:49152 and [2001:db8::1]:49152
//
// In an M record only %t has a value.
//
// # Promises
//
// Nothing here blocks the one who hands in a stanza. Lines wait in memory, at most
// DefaultQueueLimit bytes of them for each file; what comes beyond is dropped and counted, and the
// count goes to the server's own log, at most once in a minute. A file that cannot be written is
// named there once and tried again every few seconds; what waits is written then. Lines are handed
// to the operating system as soon as it takes them, and are not synced to the disk.
package xmpplog
