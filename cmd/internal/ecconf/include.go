package ecconf

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Limits of one load. They stand far above any real configuration and keep a
// wrong path (a log, a device, a directory of mail) from filling the memory.
const (
	MaxFileSize     = 16 << 20 // bytes in one file
	MaxTotalSize    = 64 << 20 // bytes in all files, each counted as often as it is read
	MaxFiles        = 4096     // files read, counted likewise
	MaxIncludeDepth = 16
)

// includeWords are the two statements of the language itself; the value says
// that the file is read-only for online changes.
var includeWords = map[string]bool{"include": false, "readonly_include": true}

// SearchPathEnv names the environment variable that holds the directories, in
// the manner of PATH, in which includes are looked up after the directory of
// the including file.
const SearchPathEnv = "EC_CONF_SEARCH_PATH"

// include reads the path after the word include.
func (p *parser) include(it *Item, readOnly bool) (*Item, bool) {
	it.Kind, it.ReadOnly = IncludeItem, readOnly
	if p.peek(0).kind == tokEqual { // not in the language, but it has one meaning only
		p.next()
	}
	t := p.peek(0)
	if t.kind != tokString && t.kind != tokWord || t.text == "" {
		p.errs.Addf(it.Pos, `%s needs the path of a file or directory: %s "file.conf"`, it.Name, it.Name)
		return nil, t.kind == tokRBrace || t.kind == tokEOF
	}
	p.next()
	it.Value = Value{Kind: scalarKind(t), Pos: p.at(t), Text: t.text}
	return it, true
}

// Load reads the file at path and everything that it includes; the items of
// an included file stand in place of the include. searchPath is a list of
// directories as in [SearchPathEnv], or "". The document holds what could be
// read even when the error, an [Errors], is not nil.
func Load(path, searchPath string) (*Document, error) {
	l := &loader{doc: &Document{}, search: filepath.SplitList(searchPath)}
	l.doc.Items = l.file(path, Pos{File: path}, false)
	l.doc.Warnings = l.doc.Warnings.Sorted(l.doc.Files)
	return l.doc, l.errs.Sorted(l.doc.Files).Err()
}

type loader struct {
	doc    *Document
	search []string
	stack  []os.FileInfo // the files that are open around the current one
	count  int
	size   int64
	full   bool // a limit on the whole load was hit and reported
	errs   Errors
}

// file reads one file and expands it. at is where it was asked for.
func (l *loader) file(path string, at Pos, readOnly bool) []*Item {
	src, info, err := l.read(path)
	if err != nil {
		l.fail(at, path, err)
		return nil
	}
	again := slices.IndexFunc(l.doc.Files, func(f File) bool { return f.Path == path })
	if again >= 0 {
		l.doc.Files[again].ReadOnly = true
	} else {
		l.doc.Files = append(l.doc.Files, File{Path: path, ReadOnly: readOnly})
	}
	doc, errs := parse(path, src)
	l.errs = append(l.errs, errs...)
	l.doc.Warnings = append(l.doc.Warnings, doc.Warnings...)
	l.doc.Damaged = l.doc.Damaged || doc.Damaged
	l.stack = append(l.stack, info)
	items := l.expand(doc.Items, path, readOnly)
	l.stack = l.stack[:len(l.stack)-1]
	return items
}

// fail reports that path cannot be read; a mistake in the outermost file
// itself has no better place than its name.
func (l *loader) fail(at Pos, path string, err error) {
	l.doc.Damaged = true
	if pe, ok := errors.AsType[*os.PathError](err); ok {
		err = pe.Err
	}
	if at.Line == 0 {
		l.errs.Addf(at, "cannot be read: %v", err)
		return
	}
	l.errs.Addf(at, "include %s cannot be read: %v", quote(path), err)
}

// errLimit is the refusal of a load that grows too large.
func errLimit(format string, args ...any) error { return fmt.Errorf(format, args...) }

// read returns the text of a file within the limits. What is included must be
// a regular file: a pipe would be waited at.
func (l *loader) read(path string) (string, os.FileInfo, error) {
	info, err := os.Stat(path) // before the open, which waits at a pipe
	if err != nil {
		return "", nil, err
	}
	// The outermost file may be a pipe, because somebody named it on purpose.
	if !info.Mode().IsRegular() && (info.IsDir() || len(l.stack) > 0) {
		return "", nil, errors.New("it is not a regular file")
	}
	for _, open := range l.stack {
		if os.SameFile(open, info) {
			return "", nil, errors.New("it includes itself in a circle")
		}
	}
	if len(l.stack) > MaxIncludeDepth {
		return "", nil, errLimit("includes nest deeper than %d files", MaxIncludeDepth)
	}
	if l.count++; l.count > MaxFiles {
		l.full = true
		return "", nil, errLimit("more than %d files are included", MaxFiles)
	}
	f, err := os.Open(path)
	if err != nil {
		return "", nil, err
	}
	defer f.Close()
	src, err := io.ReadAll(io.LimitReader(f, MaxFileSize+1))
	if err != nil {
		return "", nil, err
	}
	if len(src) > MaxFileSize {
		return "", nil, errLimit("it is larger than %d bytes", MaxFileSize)
	}
	if l.size += int64(len(src)); l.size > MaxTotalSize {
		l.full = true
		return "", nil, errLimit("all files together are larger than %d bytes", int64(MaxTotalSize))
	}
	return string(src), info, nil
}

// expand replaces the includes in items, at any depth, by what they name.
func (l *loader) expand(items []*Item, from string, readOnly bool) []*Item {
	var out []*Item
	for _, it := range items {
		switch it.Kind {
		case IncludeItem:
			out = append(out, l.include(it, from, readOnly || it.ReadOnly)...)
			continue
		case StanzaItem:
			it.Items = l.expand(it.Items, from, readOnly)
		}
		out = append(out, it)
	}
	return out
}

// include returns the items that one include statement stands for.
func (l *loader) include(it *Item, from string, readOnly bool) []*Item {
	if l.full {
		return nil
	}
	path, info, err := l.find(it.Value.Text, from)
	if err != nil {
		l.fail(it.Value.Pos, it.Value.Text, err)
		return nil
	}
	if !info.IsDir() {
		return l.file(path, it.Value.Pos, readOnly)
	}
	entries, err := os.ReadDir(path) // sorted by name
	if err != nil {
		l.fail(it.Value.Pos, path, err)
		return nil
	}
	var items []*Item
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		one := filepath.Join(path, e.Name())
		if fi, err := os.Stat(one); err == nil && fi.IsDir() {
			continue // no recursion
		}
		items = append(items, l.file(one, it.Value.Pos, readOnly)...)
	}
	return items
}

// find looks name up beside the including file, then along the search path.
func (l *loader) find(name, from string) (string, os.FileInfo, error) {
	if scheme, rest, ok := strings.Cut(name, "://"); ok {
		if !strings.EqualFold(scheme, "file") || !filepath.IsAbs(rest) {
			return "", nil, errors.New("only paths and file:///path are read at start")
		}
		name = rest
	}
	dirs := append([]string{filepath.Dir(from)}, l.search...)
	if filepath.IsAbs(name) {
		dirs = []string{""}
	}
	var first error
	for _, dir := range dirs {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if err == nil {
			return path, info, nil
		}
		if first == nil {
			first = err
		}
	}
	if pe, ok := errors.AsType[*os.PathError](first); ok && len(dirs) > 1 {
		return "", nil, fmt.Errorf("%w (looked in %s)", pe.Err, strings.Join(dirs, ", "))
	}
	return "", nil, first
}
