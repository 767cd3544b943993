// Package ecconf reads the configuration language of ecelerity.conf: stanzas
// in braces, options, dictionaries and lists. It knows the language and how a
// table of stanzas and options (a [Schema]) is applied to it, but no option
// name: those are rows that the caller brings.
//
// # The language
//
//	file    = { item }
//	item    = option | stanza | include
//	option  = NAME [ "=" ] value             ("=" may be left out before a list or a dictionary)
//	value   = word | "string" | list | dict
//	list    = "(" { word | "string" } ")"    (white space between the items, no commas)
//	dict    = "[" { NAME "=" value } "]"
//	stanza  = NAME [ instance ] [ "=" ] "{" { item } "}"
//	include = ( "include" | "readonly_include" ) path
//
// A comment runs from # to the end of the line, or stands between /* and */,
// which does not nest. White space separates tokens and means nothing else. A
// bare word holds any character but white space and # " ' = { } [ ] ( ), so
// that paths, addresses and regular expressions need no quotes. Because a #
// or /* that touches a bare word could be meant either way, it is an error that
// asks for quotes or for a space; after a bracket or a quoted string it starts
// a comment. In a quoted string \" is a quote and \\ a backslash, every other
// backslash stands for itself, and the string ends on its own line. A
// statement "..." (lines left out of a printed sample) is skipped with a warning.
//
// Option and stanza names are case-insensitive. A stanza that is repeated with
// the same instance name continues the earlier one; of an option that is
// repeated, the last value counts.
//
// # From text to values
//
// [Load] reads a file with its includes into a [Document]; [Schema.Bind] checks
// the document against the table and yields a [Tree] of [Block]s; a [View] is a
// chain of blocks, most specific first, that answers what the effective value
// of an option is. No step stops at the first mistake: the errors of all are
// collected, each with file, line and column (counted in characters, from 1).
package ecconf
