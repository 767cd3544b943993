package main

import (
	"fmt"
	"io"
	"net"
	"net/netip"

	"roost/bench/control"
)

// workerCmd is `roost-bench worker`.
type workerCmd struct {
	Listen string `placeholder:"HOST:PORT" help:"Where coordinators connect. Without it, standard input and output are the coordinator."`
	Token  string `env:"ROOST_BENCH_TOKEN" help:"What a coordinator must know; needed beyond loopback, because a worker connects to where it is told."`
}

// Run serves coordinators.
func (c *workerCmd) Run(e *env) error {
	if c.Listen == "" {
		return control.Serve(e.ctx, struct {
			io.Reader
			io.Writer
		}{e.in, e.out}, c.Token)
	}
	ln, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return err
	}
	if ip, err := netip.ParseAddrPort(ln.Addr().String()); c.Token == "" && (err != nil || !ip.Addr().IsLoopback()) {
		ln.Close()
		return fmt.Errorf("%s is beyond loopback: give --token, or set ROOST_BENCH_TOKEN, here and for the coordinator", ln.Addr())
	}
	fmt.Fprintf(e.out, "listening on %s\n", ln.Addr())
	return control.Listen(e.ctx, ln, c.Token, func(format string, args ...any) { fmt.Fprintf(e.out, format+"\n", args...) })
}
