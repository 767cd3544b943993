package main

import (
	"strings"
	"testing"

	"roost/cmd/roost/conf"
)

func TestAdvice(t *testing.T) {
	big := limits{files: 2_000_000, maxFiles: 3_000_000, backlog: 65535, tcpMemory: 8_000_000}
	for _, c := range []struct {
		name string
		set  func(*limits)
		want string // part of the one sentence; "" = silence
	}{
		{"enough of everything", func(*limits) {}, ""},
		{"nothing is known", func(l *limits) { *l = limits{} }, ""},
		{"few files", func(l *limits) { l.files = 20_000 },
			"Max_Connections 1000000 needs 1001024 open files and this process may have 20000: LimitNOFILE=1001024 in the unit, or ulimit -n 1001024"},
		{"few files, and the kernel allows no more", func(l *limits) { l.files, l.maxFiles = 20_000, 1_000_000 },
			"and the kernel allows a process 1000000: sysctl -w fs.nr_open=1001024, then LimitNOFILE=1001024"},
		{"little TCP memory", func(l *limits) { l.tcpMemory = 300_000 },
			`sysctl -w net.ipv4.tcp_mem="1000000 2000000 3000000"`},
		{"a short queue", func(l *limits) { l.backlog = 128 },
			"listen_backlog 5000 is cut to 128 by the kernel: sysctl -w net.core.somaxconn=5000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := &conf.Config{MaxConnections: 1_000_000, Listeners: []conf.Listener{{Listens: []conf.Listen{
				{Enable: true, Backlog: 5000}, {Enable: false, Backlog: 60000}}}}}
			l := big
			c.set(&l)
			got := strings.Join(advice(cfg, l), "\n")
			if (c.want == "") != (got == "") || !strings.Contains(got, c.want) || strings.Contains(got, "\n") {
				t.Errorf("advice %q, want %q", got, c.want)
			}
		})
	}
}

// TestMachine: what is read of this machine is plausible, so that the sentences mean something.
func TestMachine(t *testing.T) {
	if l := machine(); l.files < 16 || l.backlog < 1 {
		t.Errorf("limits %+v", l)
	}
}
