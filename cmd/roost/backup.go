package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"time"

	"roost/rosterdb"
)

// backupCmd is `roost backup`, and `backup` on the console.
type backupCmd struct {
	configFlag
	File string `arg:"" help:"File that is made, by the server when one runs; an older backup is replaced."`
}

func (c *backupCmd) Run(e *env, inv *invocation) error {
	path, err := filepath.Abs(c.File)
	if err != nil {
		return err
	}
	c.File, inv.args = path, []string{"backup", path}
	return manage(c, c.configFlag, e, inv)
}

func (c *backupCmd) gather(*env) error { return nil }

// fromHere gives a console command the path that it has for the caller: the server writes it.
func fromHere(words []string) []string {
	if len(words) == 2 && words[0] == "backup" && !strings.HasPrefix(words[1], "-") {
		if path, err := filepath.Abs(words[1]); err == nil {
			return []string{"backup", path}
		}
	}
	return words
}

// backingUp is a store that can be backed up.
type backingUp interface {
	BackupFile(ctx context.Context, path string, progress func(rosterdb.BackupStats)) (rosterdb.BackupStats, error)
}

func (c *backupCmd) do(a *admin, e *env) error {
	if !filepath.IsAbs(c.File) {
		return fmt.Errorf("backup %s: the server needs the whole path of the file", c.File)
	}
	db, ok := a.store.(backingUp)
	if !ok {
		return errors.New("this store has no backup")
	}
	p := &copying{e: e, began: time.Now()}
	st, err := db.BackupFile(e.ctx, c.File, func(st rosterdb.BackupStats) { p.tell(st, 0) })
	if err != nil {
		return err
	}
	e.printf("%s: %s\n", c.File, p.done(st))
	return nil
}

// restoreCmd is `roost restore`.
type restoreCmd struct {
	configFlag
	File string `arg:"" help:"A file that \"roost backup\" made."`
}

func (c *restoreCmd) Run(e *env) error {
	cfg, err := c.load()
	if err != nil {
		return tellConfig(e, err)
	}
	if path := controlSocket(cfg); path != "" {
		if conn, err := net.DialTimeout("unix", path, 5*time.Second); err == nil {
			return errors.Join(fmt.Errorf("a server runs on this configuration (%s); stop it first: a backup is restored into an empty store", path), conn.Close())
		}
	}
	p := &copying{e: e, began: time.Now()}
	o := rosterdb.RestoreOptions{Store: storeOptions(cfg, nil, 0), Progress: p.tell}
	st, err := rosterdb.Restore(e.ctx, c.File, o)
	if err != nil {
		return err
	}
	e.printf("%s: %s restored; start the server\n", o.Store.Dir, p.done(st))
	return nil
}

// copying says how far a backup or a restore has come, for people.
type copying struct {
	e     *env
	began time.Time
	shown time.Duration // since the beginning
}

// copyingEvery is how often it is said.
const copyingEvery = 2 * time.Second

// tell is told often; size is that of the file, 0 when it is not known yet.
func (p *copying) tell(st rosterdb.BackupStats, size int64) {
	now := time.Since(p.began)
	if now-p.shown < copyingEvery {
		return
	}
	p.shown = now
	part := ""
	if size > 0 {
		part = fmt.Sprintf("%d %%, ", st.Bytes*100/size)
	}
	p.e.printf("%s%s\n", part, p.done(st))
}

// done is the sum: `100001 records, 140.8 MiB in 0.2 s`.
func (p *copying) done(st rosterdb.BackupStats) string {
	return fmt.Sprintf("%s, %.1f MiB in %.1f s", count(st.Records, "record"), float64(st.Bytes)/(1<<20), time.Since(p.began).Seconds())
}
