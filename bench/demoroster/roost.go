package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// configuration of the Roost of this demo. HTTP_Roster_Token counts in both directions.
const configuration = `
Data_Dir = "{dir}/data"
xmpp {}
domain "#xmpp#{domain}" {
  XMPP_Role = "server"
  HTTP_Roster_URL = "{app}/contacts/%s"
  HTTP_Roster_Token = "{token}"
}
HTTP_Listener {
  Listen "{web}" {}
}
xmpp_listener {
  require_tls = false
  AuthPlainParameters = [ uri = "file://{dir}/users" ]
  Listen "{xmpp}" {}
}
scriptlet "scriptlet" {
  script "xmpp-presence" {
    source = "msys.xmpp.presence"
  }
}
`

// roost is a server that runs.
type roost struct {
	xmpp  string // address for clients
	web   string // base URL of its HTTP
	token string
	dir   string
	cmd   *exec.Cmd
	ended chan error
}

// startRoost starts a server in a directory of its own, on ports that are free.
func startRoost(bin, app, token string) (*roost, error) {
	dir, err := os.MkdirTemp("", "roost-demo")
	if err != nil {
		return nil, err
	}
	r := &roost{token: token, dir: dir, ended: make(chan error, 1)}
	ports, err := free(2)
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	r.xmpp, r.web = ports[0], "http://"+ports[1]
	fill := strings.NewReplacer("{dir}", dir, "{domain}", domain, "{app}", app, "{token}", token, "{xmpp}", r.xmpp, "{web}", ports[1])
	users := strings.Join(people, ":"+password+"\n") + ":" + password + "\n"
	file := filepath.Join(dir, "roost.conf")
	err = errors.Join(os.WriteFile(file, []byte(fill.Replace(configuration)), 0o600), os.WriteFile(filepath.Join(dir, "users"), []byte(users), 0o600))
	if err == nil {
		r.cmd = exec.Command(bin, "serve", "-c", file)
		r.cmd.Stderr = os.Stderr
		// Ctrl-C at the terminal is for this program, which then ends the server
		r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
		err = r.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s serve: %w (make build makes it)", bin, err), os.RemoveAll(dir))
	}
	go func() { r.ended <- r.cmd.Wait() }()
	return r, r.ready()
}

// free finds loopback addresses that nobody listens at.
func free(n int) (addrs []string, err error) {
	for range n {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer ln.Close()
		addrs = append(addrs, ln.Addr().String())
	}
	return addrs, nil
}

// ready waits until the server takes clients.
func (r *roost) ready() error {
	for range 100 {
		if resp, err := http.Get(r.web + "/readyz"); err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case err := <-r.ended:
			return errors.Join(fmt.Errorf("roost does not start: %w", err), os.RemoveAll(r.dir))
		case <-time.After(100 * time.Millisecond):
		}
	}
	r.stop()
	return errors.New("roost is not ready after 10 s")
}

// refresh tells the server that rosters have changed (POST /roster_admin/refresh). The answer comes when
// everybody on line has been told.
func (r *roost) refresh(names ...string) (json.RawMessage, error) {
	body, err := json.Marshal(names)
	if err != nil {
		return nil, err
	}
	q, err := http.NewRequest(http.MethodPost, r.web+"/roster_admin/refresh?domain="+domain, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	q.Header.Set("Authorization", "Bearer "+r.token)
	q.Header.Set("Content-Type", "application/json")
	resp, err := (&http.Client{Timeout: time.Minute}).Do(q)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err == nil && (resp.StatusCode != http.StatusOK || !json.Valid(reply)) {
		err = fmt.Errorf("roost answered %s: %s", resp.Status, reply)
	}
	return reply, err
}

// stop ends the server and removes what it has written.
func (r *roost) stop() {
	r.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-r.ended:
	case <-time.After(10 * time.Second):
		r.cmd.Process.Kill()
	}
	os.RemoveAll(r.dir)
}
