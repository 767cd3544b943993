// Package sasl authenticates the clients of a served domain (RFC 4422,
// RFC 6120 §6). It sees neither sockets nor XML: whoever owns the stream
// decodes base64, calls Start and then Exchange.Next, and renders what comes
// back.
//
// A mechanism is one row of a table (table.go) that declares what it needs of
// the stream and of the credential store; Offer lists the rows whose needs
// hold.
//
// An unknown user and a wrong password look the same from outside (RFC 6120
// §6.5.10): same messages, same condition, same text, same work. Where a
// mechanism shows something of the account before the proof (the salt of
// SCRAM), a Decoys makes it up, always the same for the same name.
package sasl
