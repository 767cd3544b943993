package stream

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"roost/xmlstream"
	"roost/xmlstream/stanza"
)

func TestClip(t *testing.T) {
	for in, want := range map[string]string{
		"":                                   "",
		"short":                              "short",
		strings.Repeat("x", maxClip):         strings.Repeat("x", maxClip),
		strings.Repeat("x", maxClip+1):       strings.Repeat("x", maxClip) + "…",
		strings.Repeat("x", maxClip-1) + "ä": strings.Repeat("x", maxClip-1) + "…", // not half a character
	} {
		if got := Clip([]byte(in)); got != want {
			t.Errorf("Clip(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestFromXML(t *testing.T) {
	own := stanza.StreamInvalidFrom.With("mine")
	for _, c := range []struct {
		err  error
		want stanza.StreamCondition
	}{
		{own, stanza.StreamInvalidFrom},
		{fmt.Errorf("wrapped: %w", own), stanza.StreamInvalidFrom},
		{&xmlstream.SyntaxError{Err: xmlstream.ErrNotWellFormed}, stanza.StreamNotWellFormed},
		{&xmlstream.SyntaxError{Err: xmlstream.ErrRestricted}, stanza.StreamRestrictedXML},
		{&xmlstream.SyntaxError{Err: xmlstream.ErrEncoding}, stanza.StreamUnsupportedEncoding},
		{&xmlstream.SyntaxError{Err: xmlstream.ErrStrayText}, stanza.StreamBadFormat},
		{&xmlstream.SyntaxError{Err: xmlstream.ErrStanzaTooBig}, stanza.StreamPolicyViolation},
		{&xmlstream.SyntaxError{Err: xmlstream.ErrTooDeep}, stanza.StreamPolicyViolation},
		{&xmlstream.SyntaxError{Err: xmlstream.ErrTooManyAttrs}, stanza.StreamPolicyViolation},
		{&xmlstream.SyntaxError{Err: xmlstream.ErrTooManyNamespaces}, stanza.StreamPolicyViolation},
		{errors.New("something else"), stanza.StreamNotWellFormed},
	} {
		e := FromXML(c.err)
		if e.Condition != c.want {
			t.Errorf("%v is %s, want %s", c.err, e.Condition, c.want)
		}
		if out := string(AppendLast(nil, e)); !strings.HasPrefix(out, "<stream:error><"+string(c.want)) || !strings.HasSuffix(out, End) {
			t.Errorf("%v is written as %s", c.err, out)
		}
	}
	if out := string(AppendLast(nil, nil)); out != End {
		t.Errorf("the end without an error is %s", out)
	}
}
