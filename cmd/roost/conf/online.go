package conf

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"roost/cmd/internal/ecconf"
)

// onlineName stands for a file in messages about what was set on the console.
const onlineName = "console"

// ParseValue reads the value of an option as a person types it: words, a list in ( ) or a dictionary in [ ].
func ParseValue(o *ecconf.Option, words []string) (*ecconf.Value, error) {
	text := strings.Join(words, " ")
	at := ecconf.Pos{File: onlineName, Line: 1, Col: 1}
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("a value stands on one line")
	}
	if strings.HasPrefix(text, "(") || strings.HasPrefix(text, "[") || strings.HasPrefix(text, `"`) {
		doc, err := ecconf.Parse(onlineName, []byte(o.Name+" = "+text))
		if err != nil {
			return nil, err
		}
		if len(doc.Items) != 1 || doc.Items[0].Kind != ecconf.OptionItem {
			return nil, fmt.Errorf("%s is no value", text)
		}
		return &doc.Items[0].Value, nil
	}
	v := &ecconf.Value{Kind: ecconf.Word, Pos: at, Text: text}
	if text == "" || strings.ContainsAny(text, " \t#\"'={}[]()\\") || strings.Contains(text, "/*") || text == "..." {
		v.Kind = ecconf.String
	}
	return v, nil
}

// Edited is c with edits, resolved and checked like a file.
func (c *Config) Edited(edits ...ecconf.Edit) (*Config, error) {
	doc := c.doc
	for _, e := range edits {
		doc = doc.With(e)
	}
	return resolve(c.File, doc, nil)
}

// load reads a file, and behind it the one that its Local_Changes_File names.
func load(path string) (*ecconf.Document, error) {
	doc, err := ecconf.Load(path, os.Getenv(ecconf.SearchPathEnv))
	var set *ecconf.Item
	for _, it := range doc.Items {
		if it.Kind == ecconf.OptionItem && strings.EqualFold(it.Name, "Local_Changes_File") && it.Value.Scalar() && it.Value.Text != "" {
			set = it
		}
	}
	if set == nil {
		return doc, err
	}
	errs := asErrors(err)
	local := localPath(path, set.Value.Text)
	if slices.ContainsFunc(doc.Files, func(f ecconf.File) bool { return sameFile(f.Path, local) }) {
		errs.Addf(set.Value.Pos, "Local_Changes_File = %q is part of the configuration already: name a file of its own", set.Value.Text)
		return doc, errs.Sorted(doc.Files).Err()
	}
	if _, err := os.Stat(local); errors.Is(err, fs.ErrNotExist) { // nothing was written back yet
		return doc, errs.Err()
	}
	more, err := ecconf.Load(local, "")
	doc.Items, doc.Files = append(doc.Items, more.Items...), append(doc.Files, more.Files...)
	doc.Damaged = doc.Damaged || more.Damaged
	doc.Warnings = append(doc.Warnings, more.Warnings...)
	return doc, slices.Concat(errs, asErrors(err)).Sorted(doc.Files).Err()
}

// localPath is a Local_Changes_File; a relative one stands beside the main file.
func localPath(file, name string) string {
	if filepath.IsAbs(name) {
		return filepath.Clean(name)
	}
	return filepath.Join(filepath.Dir(file), name)
}

func sameFile(a, b string) bool {
	x, err1 := os.Stat(a)
	y, err2 := os.Stat(b)
	return err1 == nil && err2 == nil && os.SameFile(x, y) || filepath.Clean(a) == filepath.Clean(b)
}

// sectionMark begins what WriteBack has written at the end of a file; all that follows is its own.
const sectionMark = "# Changes made on the console; what follows is written anew by \"config writeback\"."

// WriteBack puts edits into the file where they last: the Local_Changes_File, or else a section at the end of
// the main file, where they come last and so win. What stands elsewhere cannot be taken away from here.
func (c *Config) WriteBack(edits []ecconf.Edit) (path string, err error) {
	path = c.LocalChanges
	head, old := "", ""
	if path == "" {
		if path = c.File; path == builtinName {
			return "", errors.New("the built-in configuration cannot be written back; start the server with a file, or give a path")
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return path, err
		}
		head, old, _ = strings.Cut(string(text), sectionMark)
	} else if text, err := os.ReadFile(path); err == nil {
		_, old, _ = strings.Cut(string(text), sectionMark)
		if old == "" && len(strings.TrimSpace(string(text))) > 0 {
			head = string(text)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return path, err
	}
	lines, err := c.section(old, edits)
	if err != nil {
		return path, err
	}
	if head = strings.TrimRight(head, "\n"); head != "" {
		head += "\n\n"
	}
	return path, replaceText(path, head+sectionMark+"\n"+lines)
}

// section is the text behind the mark with edits made in it, a statement a line.
func (c *Config) section(old string, edits []ecconf.Edit) (string, error) {
	doc, err := ecconf.Parse(c.File, []byte(old))
	if err != nil {
		return "", fmt.Errorf("what an earlier writeback wrote cannot be read: %w", err)
	}
	all, err := c.editsOf(doc.Items, nil, ecconf.GlobalScope)
	if err != nil {
		return "", err
	}
	for _, e := range edits {
		n := len(all)
		all = slices.DeleteFunc(all, e.Same)
		if e.Value != nil {
			all = append(all, e)
			continue
		}
		if pos := c.stillSet(e); pos != nil && n == len(all) {
			return "", fmt.Errorf("%s is set at %s: take it out there, this cannot be written back", e.Option, pos)
		}
	}
	var b strings.Builder
	for _, e := range all {
		b.WriteString(e.Statement() + "\n")
	}
	return b.String(), nil
}

// stillSet tells where an option that was taken away on the console stands in a file; nil: nowhere.
func (c *Config) stillSet(e ecconf.Edit) *ecconf.Pos {
	doc, err := load(c.File)
	if err != nil {
		return nil
	}
	cfg, err := resolve(c.File, doc, nil)
	if err != nil {
		return nil
	}
	b := cfg.Tree.Root
	for _, step := range e.Path {
		if b = find(b, &step); b == nil {
			return nil
		}
	}
	if s := b.Get(e.Option); s != nil {
		return &s.Pos
	}
	return nil
}

// editsOf reads statements as edits.
func (c *Config) editsOf(items []*ecconf.Item, path []ecconf.Step, scope string) (out []ecconf.Edit, err error) {
	for _, it := range items {
		switch it.Kind {
		case ecconf.OptionItem:
			v := it.Value
			out = append(out, ecconf.Edit{Path: slices.Clone(path), Option: it.Name, Value: &v})
		case ecconf.StanzaItem:
			sc := c.Tree.Schema().Scope(scope, it.Name)
			if sc == nil {
				return nil, fmt.Errorf("line %d: unknown stanza %s", it.Pos.Line, it.Name)
			}
			more, err := c.editsOf(it.Items, append(slices.Clone(path), ecconf.Step{Scope: sc, Name: it.Instance}), sc.ID)
			if err != nil {
				return nil, err
			}
			out = append(out, more...)
		}
	}
	return out, nil
}

// WriteTo writes the whole configuration to a new file, on which it could be started: includes and changes
// of the console in place, comments gone.
func (c *Config) WriteTo(path string) error {
	var b strings.Builder
	c.Tree.Root.PrintAll(&b)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // it may hold secrets
	if err != nil {
		return err
	}
	_, err = f.WriteString(b.String())
	return errors.Join(err, f.Sync(), f.Close())
}

// replaceText writes a file anew, with the rights of the old one; a crash leaves one of the two.
func replaceText(path, text string) error {
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".roost-conf-*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
