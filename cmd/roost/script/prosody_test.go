//go:build interop

package script

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The scripts say what the RFCs say. Another server passes those that leave it no choice; this
// plays them all with Prosody and lists the rest, for a person to judge.
//
//	go test -tags interop -run Prosody ./cmd/roost/script

type prosody struct {
	cmd   *exec.Cmd
	ports map[string]string
}

func (p *prosody) Addr(listen string) string { return p.ports[listen] }

func (p *prosody) Stop() error {
	p.cmd.Process.Signal(syscall.SIGTERM)
	late := time.AfterFunc(patience, func() { p.cmd.Process.Kill() })
	defer late.Stop()
	p.cmd.Wait()
	return nil
}

func (p *prosody) Kill() error {
	p.cmd.Process.Kill()
	p.cmd.Wait()
	return nil
}

func freePort() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	defer l.Close()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

const prosodyConfig = `
run_as_root = true
pidfile = "%[1]s/pid"
data_path = "%[1]s/prosody"
log = { info = "%[1]s/prosody.log" }
interfaces = { "127.0.0.1" }
c2s_ports = { %[2]s }
c2s_direct_tls_ports = { %[3]s }
modules_enabled = { "roster", "saslauth", "tls", "disco", "private", "vcard4", "vcard_legacy", "version", "uptime", "time", "ping", "lastactivity", "register", "offline", "presence", "message", "iq", "c2s", "pep" }
modules_disabled = { "s2s" }
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
authentication = "internal_plain"
ssl = { certificate = "%[1]s/server.pem", key = "%[1]s/server.key" }
VirtualHost "localhost"
VirtualHost "example.test"
`

func startProsody(o Options) (Server, error) {
	p := &prosody{ports: map[string]string{}}
	clear, direct := freePort(), freePort()
	p.ports[clearListen], p.ports[directListen] = "127.0.0.1:"+clear, "127.0.0.1:"+direct
	conf := filepath.Join(o.Dir, "prosody.cfg.lua")
	if err := os.WriteFile(conf, fmt.Appendf(nil, prosodyConfig, o.Dir, clear, direct), 0o600); err != nil {
		return nil, err
	}
	users, _ := os.ReadFile(filepath.Join(o.Dir, "users"))
	dir := filepath.Join(o.Dir, "prosody", "localhost", "accounts")
	os.MkdirAll(dir, 0o700)
	for l := range strings.Lines(string(users)) {
		user, pass, _ := strings.Cut(strings.TrimSpace(l), ":")
		os.WriteFile(filepath.Join(dir, user+".dat"), fmt.Appendf(nil, "return { [\"password\"] = %q; };\n", pass), 0o600)
	}
	p.cmd = exec.Command("prosody", "-F", "--config", conf)
	if err := p.cmd.Start(); err != nil {
		return nil, err
	}
	for range 100 {
		if c, err := net.Dial("tcp", p.ports[clearListen]); err == nil {
			c.Close()
			return p, nil
		}
		time.Sleep(50 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(o.Dir, "prosody.log"))
	return nil, fmt.Errorf("prosody does not start:\n%s", log)
}

func TestProsody(t *testing.T) {
	files, err := filepath.Glob("../testdata/script/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, f := range files {
		name := strings.TrimSuffix(filepath.Base(f), ".txtar")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			data, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Parse(name, data)
			if err != nil {
				t.Fatal(err)
			}
			if err := Run(s, t.TempDir(), false, startProsody); err != nil {
				t.Error(err)
			}
		})
	}
}
