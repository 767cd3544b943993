package main

import (
	"fmt"

	"roost/bench/load"
	"roost/bench/people"
	"roost/bench/scenario"
)

// source is a scenario and its variables, on the command line.
type source struct {
	Scenario string            `arg:"" help:"A file, or a built-in scenario: idle, chat, presence, roster, storm, mixed-day."`
	Set      map[string]string `help:"Values for the scenario's variables: --set users=5000,rate=100." mapsep:"," placeholder:"NAME=VALUE"`
	Seed     uint64            `help:"Seed of all chances, instead of the scenario's."`
}

func (s *source) read() (*scenario.Scenario, error) {
	text, file, err := scenario.Source(s.Scenario)
	if err != nil {
		return nil, err
	}
	sc, err := scenario.Read(file, text, s.Set)
	if err != nil {
		return nil, err
	}
	if s.Seed != 0 {
		sc.Seed = s.Seed
	}
	return sc, nil
}

// accounts says who the users are.
type accounts struct {
	Domain   string `short:"d" default:"localhost" help:"Domain of the accounts."`
	User     string `default:"user%d" help:"Their local parts; %d is the number."`
	Password string `default:"secret" help:"Their passwords; may have %d, too."`
	First    int    `default:"1" help:"The number of the first."`
}

func (a *accounts) names() people.Names {
	return people.Names{Domain: a.Domain, User: a.User, Password: a.Password, First: a.First}
}

// server says where the server is and how to log in.
type server struct {
	Addr      []string `short:"a" default:"127.0.0.1:5222" help:"host:port or the path of a Unix socket; sessions take several in turn."`
	Source    []string `help:"Addresses that connections come from, in turn. Default: as many of 127.0.0.0/8 as are needed there, elsewhere the system's choice."`
	TLS       string   `name:"tls" enum:"none,starttls,direct," default:"" help:"none, starttls or direct, instead of the scenario's."`
	Resume    string   `enum:"on,off," default:"" help:"Whether TLS sessions are resumed (on, off), instead of the scenario's."`
	Mechanism []string `short:"m" help:"SASL mechanisms in the order of preference, instead of the scenario's."`
	CA        string   `name:"ca" type:"existingfile" help:"PEM file of authorities that the server's certificate must come from. Without it certificates are not looked at."`
	TLS12     bool     `name:"tls12" help:"TLS 1.2 at most."`
}

// apply changes the login of a scenario, and makes the target.
func (s *server) apply(sc *scenario.Scenario, a *accounts) (load.Target, error) {
	if s.TLS != "" {
		sc.Login.TLS = scenario.TLSMode(s.TLS)
	}
	if s.Resume != "" {
		on := s.Resume == "on"
		sc.Login.Resume = &on
	}
	if len(s.Mechanism) > 0 {
		sc.Login.Mechanisms = s.Mechanism
	}
	for _, p := range sc.Check() {
		return load.Target{}, fmt.Errorf("%s: %s", p.Path[2:], p.Text)
	}
	t := load.Target{Addrs: s.Addr, Names: a.names(), Sources: s.Source, CA: s.CA}
	if s.TLS12 {
		t.MaxTLS = 0x0303
	}
	return t, t.Names.Check()
}
