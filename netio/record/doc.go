// Package record is TLS 1.3's record protocol (RFC 8446 §5) for a connection
// whose handshake is over. It knows no sockets and does no handshake: crypto/tls
// does that, and whoever takes the connection over from it gives the two
// application traffic secrets to New.
//
// A State is all that an idle connection must remember: two secrets, two
// sequence numbers and a few flags. The ciphers are made from the secrets when
// they are needed, and Cool gives them back.
//
// Records are opened and sealed in place, in the caller's buffers:
//
//	n, err := record.Size(b)       // of the record that b begins with; 0: more bytes are needed
//	data, err := s.Open(b[:n])     // a view of b
//
//	b = s.AppendUpdate(b[:0])      // a KeyUpdate, when one is due
//	rec := append(b, header...)    // HeaderLen bytes of room, then the plaintext
//	rec = s.Seal(rec)              // at most TrailerLen longer
//
// A State is one goroutine's at a time.
//
// What TLS 1.3 allows after the handshake is little: application data, alerts,
// KeyUpdate, and NewSessionTicket towards a client, which is skipped. All else
// ends the connection: renegotiation in any form, post-handshake
// authentication, change_cipher_spec.
package record
