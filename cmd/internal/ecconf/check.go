package ecconf

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// check reports everything that is wrong with the value v of an option that
// messages call name.
func (b *binder) check(o *Option, name string, v Value) {
	switch {
	case o.Kind == KindDict && v.Kind == Dict:
		b.checkDict(o, name, v)
		return
	case o.Kind == KindDict || v.Kind == Dict || v.Kind == List && o.Kind != KindList:
		b.errs.Addf(v.Pos, "%s takes %s, not %s: write %s = %s", name, o.takes(), v.is(), name, o.form())
		return
	case v.Kind == List:
		for _, it := range v.Items {
			b.checkOne(o, name, it)
		}
	default:
		b.checkOne(o, name, v)
	}
}

// checkOne reports what is wrong with one word or string.
func (b *binder) checkOne(o *Option, name string, v Value) {
	shown := name + " = " + quote(v.Text)
	if o.Secret {
		shown = name
	}
	if err := o.checkScalar(v); err != nil {
		b.errs.Addf(v.Pos, "%s: %v", shown, err)
		return
	}
	if o.refuses(v) {
		why := o.Why
		if why != "" {
			why = ": " + why
		}
		b.errs.Addf(v.Pos, "%s is not yet supported%s", shown, why)
	}
}

func (b *binder) checkDict(o *Option, name string, v Value) {
	seen := map[string]Pos{}
	keys := make([]string, len(o.Keys))
	for i := range o.Keys {
		keys[i] = o.Keys[i].Name
	}
	for _, e := range v.Entries {
		i := slices.IndexFunc(o.Keys, func(k Option) bool { return strings.EqualFold(k.Name, e.Key) })
		if i < 0 {
			b.errs.Addf(e.Pos, "unknown key %s in %s%s; its keys are %s", quote(e.Key), name, suggest(e.Key, keys), joinAnd(keys))
			continue
		}
		k := &o.Keys[i]
		if at, twice := seen[k.Name]; twice {
			b.errs.Addf(e.Pos, "%s stands in %s twice; the first is on %s", k.Name, name, at.near(e.Pos))
		}
		seen[k.Name] = e.Pos
		b.check(k, k.Name+" in "+name, e.Value)
		if k.Note != "" && !k.isDefault(e.Value) {
			b.warns.Addf(e.Pos, "%s in %s: %s", k.Name, name, k.Note)
		}
	}
	for i := range o.Keys {
		if k := &o.Keys[i]; k.Required && seen[k.Name].IsZero() {
			b.errs.Addf(v.Pos, "%s has no %s: write %s = [ %s = %s ]", name, k.Name, name, k.Name, k.form())
		}
	}
}

// checkScalar says what is wrong with the value v by itself.
func (o *Option) checkScalar(v Value) error {
	var err error
	switch o.Kind {
	case KindBool:
		_, err = ParseBool(v.Text)
	case KindInt, KindSeconds, KindBytes:
		err = o.checkNumber(v.Text)
	case KindMode:
		_, err = ParseMode(v.Text)
	case KindRate:
		_, err = ParseRate(v.Text)
	case KindWord:
		if !slices.ContainsFunc(o.Words, func(w string) bool { return strings.EqualFold(w, v.Text) }) {
			err = fmt.Errorf("not one of %s%s", strings.Join(o.Words, ", "), suggest(v.Text, o.Words))
		}
	case KindPath:
		if v.Text == "" {
			err = errors.New("the path is empty")
		}
	case KindURI:
		_, _, err = SplitURI(v.Text)
	}
	if err == nil && o.Check != nil {
		err = o.Check(v)
	}
	return err
}

// units completes "a whole number".
var units = map[Kind]string{KindSeconds: " of seconds", KindBytes: " of bytes"}

func (o *Option) checkNumber(s string) error {
	n, err := ParseInt(s)
	if err != nil {
		if unit := units[o.Kind]; unit != "" && !allDigits(strings.TrimPrefix(s, "-")) {
			return fmt.Errorf("not a whole number%s; write digits only, without a unit", unit)
		}
		return err
	}
	if n == 0 && o.ZeroOK || n >= o.Min && (o.Max == 0 || n <= o.Max) {
		return nil
	}
	return fmt.Errorf("out of range; write %s", o.span())
}

// span describes the numbers that are allowed.
func (o *Option) span() string {
	s := fmt.Sprintf("%d or more", o.Min)
	if o.Max != 0 {
		s = fmt.Sprintf("a number from %d to %d", o.Min, o.Max)
	}
	if o.ZeroOK && o.Min > 0 {
		s += ", or 0"
	}
	return s
}

// refuses reports whether a value of the right kind waits for a later release.
func (o *Option) refuses(v Value) bool {
	if o.NotYet && !o.isDefault(v) {
		return true
	}
	for _, no := range o.NotYetFor {
		scheme, isURI := strings.CutSuffix(no, "://")
		if !isURI && strings.EqualFold(no, v.Text) {
			return true
		}
		if isURI {
			got, _, err := SplitURI(v.Text)
			if err == nil && (scheme == "*" || got == scheme) {
				return true
			}
		}
	}
	return false
}

// isDefault reports whether v says what the default says, in whatever spelling.
func (o *Option) isDefault(v Value) bool {
	return o.Default != "" && o.same(v, Value{Kind: String, Text: o.Default})
}

// same reports whether two words or strings say the same, in whatever spelling.
func (o *Option) same(v, w Value) bool {
	if !v.Scalar() || !w.Scalar() || o.checkScalar(v) != nil || o.checkScalar(w) != nil {
		return false
	}
	switch o.Kind {
	case KindBool:
		return sameParsed(ParseBool, v, w)
	case KindInt, KindSeconds, KindBytes:
		return sameParsed(ParseInt, v, w)
	case KindMode:
		return sameParsed(ParseMode, v, w)
	case KindRate:
		return sameParsed(ParseRate, v, w)
	case KindWord:
		return strings.EqualFold(v.Text, w.Text)
	}
	return v.Text == w.Text
}

func sameParsed[T comparable](parse func(string) (T, error), v, w Value) bool {
	x, _ := parse(v.Text)
	y, _ := parse(w.Text)
	return x == y
}

// takes says what kind of value the option wants.
func (o *Option) takes() string {
	switch o.Kind {
	case KindDict:
		return "a dictionary"
	case KindList:
		return "a list"
	}
	return "one value"
}

// is says in which form a value was written.
func (v Value) is() string {
	switch v.Kind {
	case Dict:
		return "a dictionary"
	case List:
		return "a list"
	}
	return "one value"
}

// form is a sample of the option's value for a message.
func (o *Option) form() string {
	switch o.Kind {
	case KindDict:
		if len(o.Keys) > 0 {
			return "[ " + o.Keys[0].Name + " = … ]"
		}
		return "[ … ]"
	case KindList:
		return "( … )"
	}
	if o.Default != "" {
		if o.Kind == KindString || o.Kind == KindPath || o.Kind == KindURI {
			return Quote(o.Default)
		}
		return o.Default
	}
	switch o.Kind {
	case KindWord:
		return o.Words[0]
	case KindInt, KindSeconds, KindBytes:
		return "N"
	}
	return `"…"`
}
