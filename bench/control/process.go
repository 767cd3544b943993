package control

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"time"

	"roost/bench/load"
)

// Processes starts n workers as processes of this program, run with args, which must make it Serve on its standard input and output. Their
// errors go to stderr. cfg is that of shard 0 of n.
func Processes(ctx context.Context, n int, cfg load.Config, args []string, stderr io.Writer) ([]Worker, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return all(n, func(i int) (Worker, error) {
		cmd := exec.CommandContext(ctx, self, args...)
		cmd.Stderr = stderr
		cmd.WaitDelay = 10 * time.Second
		cmd.Cancel = func() error { return nil } // it ends when its input does, and says what it has measured
		in, err := cmd.StdinPipe()
		if err != nil {
			return nil, err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return nil, err
		}
		if err := cmd.Start(); err != nil {
			return nil, err
		}
		return Remote(ctx, fmt.Sprintf("process %d", cmd.Process.Pid), &pipes{in, out, cmd}, shard(cfg, i, n), "")
	})
}

// shard gives the configuration of one shard.
func shard(cfg load.Config, i, n int) load.Config {
	cfg.Shard, cfg.Shards = i, n
	return cfg
}

// all makes n workers, or none.
func all(n int, make func(i int) (Worker, error)) ([]Worker, error) {
	var ws []Worker
	for i := range n {
		w, err := make(i)
		if err != nil {
			return nil, errors.Join(err, CloseAll(ws))
		}
		ws = append(ws, w)
	}
	return ws, nil
}

// CloseAll closes workers.
func CloseAll(ws []Worker) error {
	var errs []error
	for _, w := range ws {
		errs = append(errs, w.Close())
	}
	return errors.Join(errs...)
}

// pipes are a process's standard input and output. Closing them closes its input, upon which it ends; Wait waits for that, when
// all its output has been read.
type pipes struct {
	io.WriteCloser
	out io.Reader
	cmd *exec.Cmd
}

func (p *pipes) Read(b []byte) (int, error) { return p.out.Read(b) }

func (p *pipes) Wait() error { return p.cmd.Wait() }

// Machines connects to workers that listen at addrs, host:port.
func Machines(ctx context.Context, addrs []string, cfg load.Config, token string) ([]Worker, error) {
	return all(len(addrs), func(i int) (Worker, error) {
		d := net.Dialer{Timeout: 10 * time.Second}
		c, err := d.DialContext(ctx, "tcp", addrs[i])
		if err != nil {
			return nil, fmt.Errorf("worker %s: %w; is `roost-bench worker` running there?", addrs[i], err)
		}
		return Remote(ctx, addrs[i], c, shard(cfg, i, len(addrs)), token)
	})
}

// Listen serves coordinators that connect to ln, one at a time, until ctx ends.
func Listen(ctx context.Context, ln net.Listener, token string, say func(format string, args ...any)) error {
	stop := context.AfterFunc(ctx, func() { ln.Close() })
	defer stop()
	for {
		c, err := ln.Accept()
		if err != nil {
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
		say("%s: begins", c.RemoteAddr())
		end := context.AfterFunc(ctx, func() { c.Close() })
		err = Serve(ctx, c, token)
		end()
		c.Close()
		if err != nil {
			say("%s: %v", c.RemoteAddr(), err)
		} else {
			say("%s: ends", c.RemoteAddr())
		}
	}
}
