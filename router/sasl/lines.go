package sasl

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sort"
	"strings"
)

const (
	// MaxFile bounds a password file, in octets.
	MaxFile = 64 << 20
	// MaxLine bounds a line of it, in octets.
	MaxLine = 4096
	// maxErrors is how many lines an error names.
	maxErrors = 10
)

// A lineError names the place of a mistake.
type lineError struct {
	path string
	line int
	err  error
}

func (e *lineError) Error() string { return fmt.Sprintf("%s:%d: %v", e.path, e.line, e.err) }
func (e *lineError) Unwrap() error { return e.err }

// An index holds key-value pairs in one text and finds them by key: 12 octets
// and the text itself for each, and one pointer for all of them.
type index struct {
	text string
	at   []span // by key
}

type span struct {
	off      uint32
	key, val uint16
	line     uint32
}

func (x *index) key(s span) string { return x.text[s.off : s.off+uint32(s.key)] }
func (x *index) val(s span) string { return x.text[s.off+uint32(s.key):][:s.val] }

// find returns the value for key.
func (x *index) find(key string) (string, bool) {
	i, ok := sort.Find(len(x.at), func(i int) int { return strings.Compare(key, x.key(x.at[i])) })
	if !ok {
		return "", false
	}
	return x.val(x.at[i]), true
}

// from is the first place whose key is not before key.
func (x *index) from(key string) int {
	return sort.Search(len(x.at), func(i int) bool { return x.key(x.at[i]) >= key })
}

// readIndex reads a file of lines. Empty lines and lines that start with # do
// not count; line turns each other one into a pair. A key may be there once.
// The error names up to ten lines as path:line.
func readIndex(path string, line func(string) (key, val string, err error)) (*index, error) {
	data, err := readFile(path)
	if err != nil {
		return nil, err
	}
	var (
		text strings.Builder
		x    index
		errs []error
	)
	x.at = make([]span, 0, bytes.Count(data, []byte("\n"))+1)
	n := 0
	for raw := range bytes.Lines(bytes.TrimPrefix(data, []byte("\ufeff"))) {
		n++
		s := string(bytes.TrimRight(raw, "\r\n"))
		if s == "" || s[0] == '#' {
			continue
		}
		key, val, err := cutLine(s, line)
		if err != nil {
			if errs = append(errs, &lineError{path, n, err}); len(errs) == maxErrors {
				break
			}
			continue
		}
		x.at = append(x.at, span{uint32(text.Len()), uint16(len(key)), uint16(len(val)), uint32(n)})
		text.WriteString(key)
		text.WriteString(val)
	}
	clear(data)
	x.text = text.String()
	slices.SortFunc(x.at, func(a, b span) int {
		return cmp.Or(strings.Compare(x.key(a), x.key(b)), cmp.Compare(a.line, b.line))
	})
	for i := 1; i < len(x.at) && len(errs) < maxErrors; i++ {
		if a, b := x.at[i-1], x.at[i]; x.key(a) == x.key(b) {
			name := strings.ReplaceAll(x.key(b), "\x00", ":")
			errs = append(errs, &lineError{path, int(b.line), fmt.Errorf("%q is in line %d already; remove one of the two", name, a.line)})
		}
	}
	if errs != nil {
		return nil, errors.Join(errs...)
	}
	return &x, nil
}

func cutLine(s string, line func(string) (key, val string, err error)) (key, val string, err error) {
	if len(s) > MaxLine {
		return "", "", fmt.Errorf("the line has %d octets; the limit is %d", len(s), MaxLine)
	}
	if key, val, err = line(s); err != nil {
		return "", "", err
	}
	// Preparation may lengthen; a span has 16 bits for each.
	if len(key) > 4*MaxLine || len(val) > 4*MaxLine {
		return "", "", fmt.Errorf("the line becomes longer than %d octets when it is prepared", 4*MaxLine)
	}
	return key, val, nil
}

// readFile reads at most MaxFile octets.
func readFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("password file: %w", err)
	}
	defer f.Close()
	size := int64(512)
	if st, err := f.Stat(); err == nil {
		if st.IsDir() {
			return nil, fmt.Errorf("password file: %s is a directory", path)
		}
		size = min(st.Size(), MaxFile) + 1
	}
	buf := bytes.NewBuffer(make([]byte, 0, size+bytes.MinRead))
	if _, err := buf.ReadFrom(io.LimitReader(f, MaxFile+1)); err != nil {
		return nil, fmt.Errorf("password file: %w", err)
	}
	if buf.Len() > MaxFile {
		return nil, fmt.Errorf("password file: %s is larger than %d octets; keep that many accounts in the embedded store", path, MaxFile)
	}
	return buf.Bytes(), nil
}
