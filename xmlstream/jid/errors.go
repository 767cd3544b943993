package jid

import (
	"fmt"
	"strings"
)

// The parts that an Error names.
const (
	PartLocal    = "local part"
	PartDomain   = "domain"
	PartResource = "resource"
)

// maxValue bounds what an Error keeps of the text that was refused.
const maxValue = 128

const (
	whyEmpty    = "is empty"
	whyNoDomain = "there is no domain"
	whyLong     = "is longer than 1023 octets"
	whyIDNA     = "is no internationalized domain name (IDNA2008)"
	whyUTF8     = "is not UTF-8"
	whyUnstable = "changes when it is prepared a second time"
)

// An Error says why a text is not an address.
type Error struct {
	Part  string // PartLocal, PartDomain or PartResource
	Value string // the text refused, its own copy, cut after 128 octets
	Why   string
}

func (e *Error) Error() string { return fmt.Sprintf("jid: %s %q: %s", e.Part, e.Value, e.Why) }

// fail makes an Error; value may be borrowed.
func fail(part, value, why string) error {
	return &Error{Part: part, Value: strings.Clone(value[:min(len(value), maxValue)]), Why: why}
}
