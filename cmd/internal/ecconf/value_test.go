package ecconf

import "testing"

func TestParseScalars(t *testing.T) {
	for in, want := range map[string]bool{"true": true, "ON": true, "Enabled": true, "1": true, "false": false, "off": false, "DISABLED": false, "0": false} {
		if got, err := ParseBool(in); err != nil || got != want {
			t.Errorf("ParseBool(%s) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "yes", "2", "tru"} {
		if _, err := ParseBool(in); err == nil {
			t.Errorf("ParseBool(%s): no error", in)
		}
	}
	for in, want := range map[string]int64{"0": 0, "007": 7, "-3": -3, "40000": 40000} {
		if got, err := ParseInt(in); err != nil || got != want {
			t.Errorf("ParseInt(%s) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "+1", "1k", "0x10", "1.5", "-", "99999999999999999999", "1_000"} {
		if _, err := ParseInt(in); err == nil {
			t.Errorf("ParseInt(%s): no error", in)
		}
	}
	for in, want := range map[string]uint32{"0660": 0o660, "644": 0o644, "0": 0, "0777": 0o777} {
		if got, err := ParseMode(in); err != nil || uint32(got) != want {
			t.Errorf("ParseMode(%s) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "8", "01000", "-1", "0o660", "rw"} {
		if _, err := ParseMode(in); err == nil {
			t.Errorf("ParseMode(%s): no error", in)
		}
	}
	for in, want := range map[string]Rate{"50": {50, 1}, "100/60": {100, 60}, "0": {}, "0/9": {}} {
		if got, err := ParseRate(in); err != nil || got != want {
			t.Errorf("ParseRate(%s) = %v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "/", "5/", "5/0", "-1", "5/-1", "5/6/7"} {
		if _, err := ParseRate(in); err == nil {
			t.Errorf("ParseRate(%s): no error", in)
		}
	}
}

func TestParsePrefix(t *testing.T) {
	for in, want := range map[string]string{
		"10.0.0.0/16": "10.0.0.0/16", "10.1.2.3": "10.1.2.3/32", "10.1.2.3/8": "10.0.0.0/8", "fd00::/8": "fd00::/8",
		"FD00:0::1": "fd00::1/128", "::ffff:10.0.0.0/104": "10.0.0.0/8", "::ffff:10.1.1.1": "10.1.1.1/32", "0.0.0.0/0": "0.0.0.0/0", "::/0": "::/0",
	} {
		got, exact, err := ParsePrefix(in)
		if err != nil || got.String() != want || exact != (in != "10.1.2.3/8") {
			t.Errorf("ParsePrefix(%s) = %v, %v, %v", in, got, exact, err)
		}
	}
	for _, in := range []string{"", "10.0.0", "10.0.0.0/33", "[::1]", "::1%eth0", "x", "10.0.0.0/", "::ffff:10.0.0.0/90", "010.0.0.1"} {
		if _, _, err := ParsePrefix(in); err == nil {
			t.Errorf("ParsePrefix(%s): no error", in)
		}
	}
}

func TestSplitURI(t *testing.T) {
	if s, r, err := SplitURI("FILE:///a b"); s != "file" || r != "/a b" || err != nil {
		t.Errorf("%s %s %v", s, r, err)
	}
	for _, in := range []string{"", "x", "://x", "a b://x", "mailto:x"} {
		if _, _, err := SplitURI(in); err == nil {
			t.Errorf("SplitURI(%s): no error", in)
		}
	}
}

func TestErrorText(t *testing.T) {
	for want, e := range map[string]*Error{
		"a.conf:3:7: no":  {Pos{"a.conf", 3, 7}, "no"},
		"a.conf: nothing": {Pos{File: "a.conf"}, "nothing"},
		"alone":           {Pos{}, "alone"},
	} {
		if e.Error() != want {
			t.Errorf("got %s, want %s", e.Error(), want)
		}
	}
	if long := quote(string(make([]rune, 100))); len(long) > 64*4+10 {
		t.Errorf("long value shown in full: %s", long)
	}
}
