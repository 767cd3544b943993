package conf

import (
	"reflect"

	"roost/cmd/internal/ecconf"
)

var posType = reflect.TypeFor[ecconf.Pos]()

// Same reports whether two parts of configurations say the same, wherever they stand in files.
func Same[T any](a, b T) bool { return same(reflect.ValueOf(&a).Elem(), reflect.ValueOf(&b).Elem()) }

func same(a, b reflect.Value) bool {
	if a.Type() == posType || a.Type() != b.Type() {
		return a.Type() == b.Type()
	}
	switch a.Kind() {
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return a.IsNil() == b.IsNil()
		}
		return same(a.Elem(), b.Elem())
	case reflect.Slice:
		if a.Len() != b.Len() || a.IsNil() != b.IsNil() {
			return false
		}
		for i := range a.Len() {
			if !same(a.Index(i), b.Index(i)) {
				return false
			}
		}
		return true
	case reflect.Map:
		if a.Len() != b.Len() {
			return false
		}
		for _, k := range a.MapKeys() {
			if in := b.MapIndex(k); !in.IsValid() || !same(a.MapIndex(k), in) {
				return false
			}
		}
		return true
	case reflect.Struct:
		if a.Type().PkgPath() == "net/netip" {
			return a.Equal(b)
		}
		for i := range a.NumField() {
			if !same(a.Field(i), b.Field(i)) {
				return false
			}
		}
		return true
	}
	return a.Equal(b)
}

// Bare is a copy of c without what it was made of and what was said about it.
func (c *Config) Bare() Config {
	bare := *c
	bare.Tree, bare.doc, bare.Warnings, bare.files = nil, nil, nil, nil
	return bare
}
