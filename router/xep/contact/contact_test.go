package contact

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"roost/router"
	. "roost/router/routertest"
)

func TestForm(t *testing.T) {
	s := New(t, Options{})
	err := Register(s.Router, Addresses{
		Support: []string{"xmpp:help@x", "https://x/help"},
		Abuse:   []string{"mailto:abuse@x"},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []router.Form{{Type: FormType, Fields: []router.Field{
		{Var: "abuse-addresses", Type: "list-multi", Values: []string{"mailto:abuse@x"}},
		{Var: "support-addresses", Type: "list-multi", Values: []string{"xmpp:help@x", "https://x/help"}},
	}}}
	if got := s.Router.Forms(router.ToServer); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := s.Router.Forms(router.ToOwn); got != nil {
		t.Errorf("an account shows %v", got)
	}
}

func TestNoAddresses(t *testing.T) {
	s := New(t, Options{})
	if err := Register(s.Router, Addresses{}); err != nil {
		t.Fatal(err)
	}
	if got := s.Router.Forms(router.ToServer); got != nil {
		t.Errorf("got %v, want no form", got)
	}
}

func TestRefused(t *testing.T) {
	for _, k := range []struct {
		a    Addresses
		want string
	}{
		{Addresses{Admin: []string{"admin@x"}}, `admin address "admin@x" is no URI`},
		{Addresses{Status: []string{"/status"}}, `status address "/status" is no URI`},
		{Addresses{Sales: []string{"https://"}}, `sales address "https://" is no URI`},
		{Addresses{Security: []string{"%"}}, `security address "%" is no URI`},
		{Addresses{Feedback: slices.Repeat([]string{"mailto:f@x"}, MaxAddresses+1)}, "33 feedback addresses; give at most 32"},
	} {
		s := New(t, Options{})
		if err := Register(s.Router, k.a); err == nil || !strings.Contains(err.Error(), k.want) {
			t.Errorf("got %v, want %s", err, k.want)
		}
		if got := s.Router.Forms(router.ToServer); got != nil {
			t.Errorf("after an error there is a form: %v", got)
		}
	}
}
