package conf

import (
	"log/slog"
	"path/filepath"
	"slices"
	"strings"

	"roost/cmd/internal/ecconf"
)

// resolver turns a tree into a Config. It collects errors and never stops at one.
type resolver struct {
	cfg   *Config
	tree  *ecconf.Tree
	root  *ecconf.Block
	errs  ecconf.Errors
	warns ecconf.Errors
	ends  []endpoint
}

// resolve binds a document to the table and applies the rules that concern
// more than one option. readErr is what reading the document brought up.
func resolve(name string, doc *ecconf.Document, readErr error) (*Config, error) {
	schema, err := Schema()
	if err != nil {
		return nil, err
	}
	tree, bindErr := schema.Bind(doc)
	r := &resolver{
		cfg:  &Config{File: name, Tree: tree, doc: doc},
		tree: tree, root: tree.Root,
		errs:  slices.Concat(asErrors(readErr), asErrors(bindErr)),
		warns: tree.Warnings,
	}
	r.global()
	r.pools()
	r.domains()
	r.federated()
	r.scripts()
	r.needless()
	r.listeners()
	r.control()
	r.http()
	r.loggers()
	r.endpoints()
	if err := r.errs.Sorted(doc.Files).Err(); err != nil {
		return nil, err
	}
	r.cfg.Warnings = r.warns.Sorted(doc.Files)
	return r.cfg, nil
}

// asErrors returns the list inside an error of ecconf; another error, of which
// there is none today, becomes a list of one.
func asErrors(err error) ecconf.Errors {
	switch e := err.(type) {
	case nil:
		return nil
	case ecconf.Errors:
		return e
	}
	return ecconf.Errors{{Msg: err.Error()}}
}

func (r *resolver) global() {
	v := r.tree.View()
	r.cfg.DataDir = filepath.Clean(v.Text("Data_Dir"))
	r.cfg.Hostname, _ = domainName(v.Text("Hostname"))
	r.cfg.UseIPv6 = v.Bool("Use_IPv6")
	r.cfg.StopTimeout = v.Seconds("Stop_Timeout")
	r.cfg.MaxConnections = v.Int("Max_Connections")
	r.cfg.LogFormat = v.Text("Log_Format")
	r.cfg.LogRate = v.Int("Log_Rate")
	r.cfg.MemoryLimit = -1
	if v.IsSet("Memory_Limit") {
		r.cfg.MemoryLimit = int64(v.Int("Memory_Limit"))
	}
	r.cfg.LibraryRecords = v.Text("TLS_Records") == "library"
	if local := v.Text("Local_Changes_File"); local != "" {
		r.cfg.LocalChanges = localPath(r.cfg.File, local)
	}
	if r.cfg.LocalOnly = v.Bool("Local_Changes_Only"); r.cfg.LocalOnly && r.cfg.LocalChanges == "" {
		r.errs.Addf(v.Pos("Local_Changes_Only"), "Local_Changes_Only = true without a Local_Changes_File: name one")
	}
	r.cfg.Enabled = r.tree.View(r.stanza("xmpp")).Bool("enabled")
	r.logLevels()
}

// logLevels maps Debug_Flags and the debug_level of the modules. A subsystem
// listed at several levels logs from the most verbose of them on.
func (r *resolver) logLevels() {
	log := LogLevels{Default: levels["info"], Modules: map[string]slog.Level{}}
	if flags := r.root.First("debug_flags"); flags != nil {
		v, set := r.tree.View(flags), false
		for i := len(levelNames) - 1; i >= 0; i-- { // the most verbose comes last and stays
			for _, sub := range v.List(levelNames[i]) {
				name, lv := strings.ToLower(sub.Text), levels[strings.ToLower(levelNames[i])]
				if name == "all" {
					log.Default, set = lv, true
				} else {
					log.Modules[name] = lv
				}
			}
		}
		if !set && len(log.Modules) > 0 {
			log.Default = levels["critical"]
		}
		for name, lv := range log.Modules { // ALL covers every subsystem
			log.Modules[name] = min(lv, log.Default)
		}
	}
	for _, m := range r.root.Blocks {
		if m.Scope.ID != "xmpp" && m.Scope.ID != "xmpp_logger" {
			continue
		}
		if v := r.tree.View(m); v.IsSet("debug_level") {
			log.Modules[strings.ToLower(m.Scope.Name)] = levels[v.Text("debug_level")]
		}
	}
	r.cfg.Log = log
}

func (r *resolver) pools() {
	for _, b := range r.root.All("threadpool") {
		v := r.tree.View(b)
		r.cfg.ThreadPools = append(r.cfg.ThreadPools, ThreadPool{Name: b.Name, Concurrency: v.Int("concurrency"), Backlog: v.Int("Backlog")})
	}
}

// scripts finds the switch for roster and presence. Two scriptlet stanzas with
// different names contradict each other.
func (r *resolver) scripts() {
	all := r.root.All("scriptlet")
	for _, b := range all {
		if b != all[0] {
			r.errs.Addf(b.Pos, "%s beside %s on line %d: all scriptlet stanzas must have the same name", b.Label(), all[0].Label(), all[0].Pos.Line)
		}
		for _, s := range b.All("script") {
			set := s.Get("source")
			if set == nil || set.Bad {
				continue
			}
			switch scriptSource(set.Value.Text) {
			case presenceScript:
				r.cfg.Presence = true
			case bootScript:
				r.warns.Addf(set.Pos, "source %q: nothing needs to be booted here; the script does nothing", set.Value.Text)
			}
		}
	}
}

func (r *resolver) loggers() {
	files := map[string]ecconf.Pos{}
	for _, b := range r.root.All("xmpp_logger") {
		v := r.tree.View(b)
		if !v.Bool("enabled") {
			continue
		}
		l := Logger{Name: b.Name, Pos: b.Pos, File: filepath.Clean(v.Text("logfile")), Mode: v.Mode("logmode"), Heartbeat: v.Seconds("heartbeat")}
		l.Beat, _ = ParseFormat(v.Text("log_heartbeat_format"))
		if v.Bool("log_delivery") {
			l.Delivery, _ = ParseFormat(v.Text("log_delivery_format"))
		}
		if v.Bool("log_reception") {
			l.Reception, _ = ParseFormat(v.Text("log_reception_format"))
		}
		if set := b.Get("logfile"); set != nil && set.Bad {
			continue
		}
		at := b.Pos
		if v.IsSet("logfile") {
			at = v.Pos("logfile")
		}
		if first, twice := files[l.File]; twice {
			r.errs.Addf(at, "%s writes to %q, which the xmpp_logger on line %d writes already: give each its own logfile", b.Label(), l.File, first.Line)
		}
		files[l.File] = at
		r.cfg.files = append(r.cfg.files, fileRef{kind: refLog, pos: at, path: l.File, option: "logfile"})
		r.cfg.Loggers = append(r.cfg.Loggers, l)
	}
}
