package stream

import "roost/xmlstream/stanza"

// Elements of the STARTTLS negotiation (RFC 6120 §5.4).
const (
	TLSOffer    = "<starttls xmlns='" + stanza.NSTLS + "'/>"                      // §5.4.1
	TLSRequired = "<starttls xmlns='" + stanza.NSTLS + "'><required/></starttls>" // §5.3.1
	TLSProceed  = "<proceed xmlns='" + stanza.NSTLS + "'/>"                       // §5.4.2.3
	TLSFailure  = "<failure xmlns='" + stanza.NSTLS + "'/>"                       // §5.4.2.2, the end follows
)
