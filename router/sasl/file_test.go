package sasl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

func openDigestText(t testing.TB, text string) *DigestFile {
	t.Helper()
	f, err := OpenDigest(writeFile(t, "digest", text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func digestLineFor(u, realm, p string) string {
	return u + ":" + realm + ":" + md5hex(u+":"+realm+":"+p)
}

func TestFile(t *testing.T) {
	f := openFileText(t, "\ufeff# accounts\r\n\r\n"+
		"juliet:r0m30\r\n"+
		"Romeo@Example.COM:with:colon\n"+
		"nurse:everywhere\nnurse@example.net: only there \n"+
		"peter@[2001:db8::1]:six\n"+
		"u\u0308:pa\u0308ss\n"+
		"#juliet:not this\n"+
		"last@b\u00fccher.example:no line end")
	if f.Len() != 7 {
		t.Errorf("%d accounts", f.Len())
	}
	for _, c := range []struct {
		user, domain, password string
		want                   error
	}{
		{"juliet", "example.com", "r0m30", nil},
		{"juliet", "other.example", "r0m30", nil},
		{"juliet", "example.com", "R0m30", ErrPassword},
		{"juliet", "example.com", "", ErrPassword},
		{"romeo", "example.com", "with:colon", nil},
		{"romeo", "example.net", "with:colon", ErrNoUser},
		{"nurse", "example.com", "everywhere", nil},
		{"nurse", "example.net", "everywhere", ErrPassword},
		{"nurse", "example.net", " only there ", nil},
		{"peter", "[2001:db8::1]", "six", nil},
		{"\u00fc", "example.com", "p\u00e4ss", nil},
		{"last", "b\u00fccher.example", "no line end", nil},
		{"last", "xn--bcher-kva.example", "no line end", nil},
		{"#juliet", "example.com", "not this", ErrNoUser},
		{"nobody", "example.com", "", ErrNoUser},
		{"", "", "", ErrNoUser},
	} {
		if err := f.Verify(t.Context(), c.user, c.domain, c.password); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s@%s %q: %v, want %v", c.user, c.domain, c.password, err, c.want)
		}
	}
}

func TestFileErrors(t *testing.T) {
	for _, c := range []struct {
		what, text string
		want       []string
	}{
		{"no colon", "a:b\njuliet\n", []string{"PATH:2: there is no colon; write user:password"}},
		{"no user", ":x", []string{`PATH:1: user ""`}},
		{"no password", "juliet:", []string{`PATH:1: user "juliet" has no password`}},
		{"user that is none", "\n\na b:x", []string{`PATH:3: user "a b"`}},
		{"user with a slash", "a/b:x", []string{`PATH:1: user "a/b"`, "has \"/\""}},
		{"no domain", "a@:x", []string{`PATH:1: user "a@"`}},
		{"open bracket", "a@[::1:x", []string{"PATH:1: "}},
		{"password with a control", "a:x\ty", []string{`PATH:1: user "a": the password cannot be used`}},
		{"password of no UTF-8", "a:\xff", []string{`PATH:1: user "a": the password cannot be used: not UTF-8`}},
		{"twice", "a:x\nb:y\nA:z\n", []string{`PATH:3: "a" is in line 1 already`}},
		{"long line", "a:" + strings.Repeat("x", MaxLine), []string{"PATH:1: the line has 4098 octets; the limit is 4096"}},
		{"several", "a\nb\nc:x\nd\n", []string{"PATH:1: ", "PATH:2: ", "PATH:4: "}},
	} {
		path := writeFile(t, "passwd", c.text)
		f, err := OpenFile(path)
		if err == nil || f != nil {
			t.Errorf("%s: accepted", c.what)
			continue
		}
		for _, want := range c.want {
			if want = strings.ReplaceAll(want, "PATH", path); !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %q, want %q in it", c.what, err, want)
			}
		}
		if strings.Contains(err.Error(), "x\ty") {
			t.Errorf("%s: the error shows the password: %q", c.what, err)
		}
	}
	many := writeFile(t, "passwd", strings.Repeat("x\n", 1000))
	if _, err := OpenFile(many); err == nil || strings.Count(err.Error(), "\n") != maxErrors-1 {
		t.Errorf("many errors: %v", err)
	}
	if _, err := OpenFile(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, err := OpenFile(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("directory: %v", err)
	}
}

func TestFileTooLarge(t *testing.T) {
	path := writeFile(t, "passwd", "")
	if err := os.Truncate(path, MaxFile+1); err != nil { // sparse
		t.Fatal(err)
	}
	if _, err := OpenFile(path); err == nil || !strings.Contains(err.Error(), "is larger than 67108864 octets") {
		t.Errorf("%v", err)
	}
}

func TestReload(t *testing.T) {
	path := writeFile(t, "passwd", "juliet:old\n")
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	login := func(p string) error {
		_, err := run(t, start(t, &Env{Domain: domain, Store: f}, "SCRAM-SHA-1"), scramClient(t, SHA1, user, p, "", "n", Binding{}))
		return err
	}
	if err := login("old"); err != nil {
		t.Fatal(err)
	}
	salt := saltFor(t, f, user)
	rewrite := func(text string) error {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return f.Reload()
	}
	if err := rewrite("juliet\n"); err == nil || !strings.HasPrefix(err.Error(), path+":1: ") {
		t.Errorf("broken file: %v", err)
	}
	if err := login("old"); err != nil {
		t.Errorf("after a failed reload: %v", err)
	}
	if err := rewrite("juliet:new\n"); err != nil {
		t.Fatal(err)
	}
	if err := login("old"); condition(t, err) != NotAuthorized {
		t.Errorf("the old password after the reload: %v", err)
	}
	if err := login("new"); err != nil {
		t.Errorf("the new password after the reload: %v", err)
	}
	if again := saltFor(t, f, user); again != salt {
		t.Errorf("the salt changed with the reload: %s, %s", salt, again)
	}
}

// TestReloadRace: logins go on while the file is read again.
func TestReloadRace(t *testing.T) {
	f := openFileText(t, user+":"+password)
	d := openDigestText(t, digestLineFor(user, domain, password))
	done := make(chan error)
	for range 4 {
		go func() {
			for range 20 {
				if err := errors.Join(f.Verify(t.Context(), user, domain, password), d.Verify(t.Context(), user, domain, password)); err != nil {
					done <- err
					return
				}
				if _, err := f.Scram(t.Context(), user, domain, SHA1); err != nil {
					done <- err
					return
				}
			}
			done <- nil
		}()
	}
	for range 20 {
		if err := errors.Join(f.Reload(), d.Reload()); err != nil {
			t.Error(err)
		}
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestCacheBound: the cache does not grow beyond its limit, and full it still
// takes new names.
func TestCacheBound(t *testing.T) {
	st := &fileState{cache: map[cacheKey]Keys{}}
	for i := range maxCached + 10 {
		st.keep(cacheKey{user: fmt.Sprint(i)}, Keys{Iterations: i + 1})
	}
	if len(st.cache) != maxCached {
		t.Errorf("%d entries, want %d", len(st.cache), maxCached)
	}
	if k, ok := st.cached(cacheKey{user: fmt.Sprint(maxCached + 9)}); !ok || k.Iterations != maxCached+10 {
		t.Errorf("the last one is not there: %v", k)
	}
}

// bigFile has 20 000 accounts, as large as one that is promised to work.
func bigFile(t testing.TB) string {
	var b strings.Builder
	for i := range 20000 {
		fmt.Fprintf(&b, "user%05d:password-%d\n", i, i)
	}
	return writeFile(t, "passwd", b.String())
}

func TestBigFile(t *testing.T) {
	path := bigFile(t)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f, err := OpenFile(path)
	if err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 2<<20 {
		t.Errorf("20 000 accounts take %d octets, want at most 2 MiB", grown)
	}
	if f.Len() != 20000 {
		t.Errorf("%d accounts", f.Len())
	}
	for i := 0; i < 20000; i += 997 {
		if err := f.Verify(t.Context(), fmt.Sprintf("user%05d", i), domain, fmt.Sprintf("password-%d", i)); err != nil {
			t.Errorf("user%05d: %v", i, err)
		}
	}
}

func BenchmarkOpenFile20000(b *testing.B) {
	path := bigFile(b)
	for b.Loop() {
		if _, err := OpenFile(path); err != nil {
			b.Fatal(err)
		}
	}
}

func TestHashedFile(t *testing.T) {
	path := writeFile(t, "passwd", "juliet:"+md5hex("juliet:realm:"+password)+"\n")
	f, err := OpenFileHashed(path)
	if err != nil {
		t.Fatal(err)
	}
	if f.Can() != CanDigest {
		t.Errorf("can %b", f.Can())
	}
	if _, err := f.Scram(t.Context(), user, domain, SHA1); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Scram: %v", err)
	}
	if err := f.Verify(t.Context(), user, domain, password); err == nil || errors.Is(err, ErrPassword) {
		t.Errorf("Verify: %v", err)
	}
	_, err = OpenFileHashed(writeFile(t, "passwd", "juliet:r0m30\n"))
	if err == nil || !strings.Contains(err.Error(), `:1: user "juliet": the value is not 32 hexadecimal digits; for clear text set stored_cleartext`) {
		t.Errorf("clear text: %v", err)
	}
}

func TestDigestFile(t *testing.T) {
	f := openDigestText(t, "# accounts\n\n"+
		digestLineFor("juliet", "realm", "r0m30")+"\n"+
		digestLineFor("nurse", "Momentum Console", "a")+"\r\n"+
		digestLineFor("nurse", "example.net", "b")+"\n"+
		strings.ToUpper(digestLineFor("X", "Y", "Z"))+"\n"+
		digestLineFor("colon", "a:b", "c")+"\n"+
		digestLineFor("u", "r\u00e9alm", "p\u00e4ss")+"\n"+ // as typed, in UTF-8
		"latin:realm:"+md5hex("latin:realm:p\xe4ss")+"\n") // as RFC 2831 has it
	if f.Len() != 7 {
		t.Errorf("%d lines", f.Len())
	}
	for _, c := range []struct {
		user, domain, password string
		want                   error
	}{
		{"juliet", "example.com", "r0m30", nil},
		{"juliet", "example.com", "x", ErrPassword},
		{"nurse", "example.com", "a", nil},
		{"nurse", "example.com", "b", nil},
		{"nurse", "example.net", "b", nil},
		{"nurse", "example.net", "a", ErrPassword},
		{"colon", "example.com", "c", nil},
		{"u", "example.com", "p\u00e4ss", nil},
		{"latin", "example.com", "p\u00e4ss", nil},
		{"jul", "example.com", "r0m30", ErrNoUser},
		{"", "example.com", "", ErrNoUser},
	} {
		if err := f.Verify(t.Context(), c.user, c.domain, c.password); !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s@%s %q: %v, want %v", c.user, c.domain, c.password, err, c.want)
		}
	}
	if sum, err := f.Digest(t.Context(), "nurse", domain, "example.net"); err != nil || fmt.Sprintf("%x", sum) != md5hex("nurse:example.net:b") {
		t.Errorf("Digest %x, %v", sum, err)
	}
	if sum, err := f.Digest(t.Context(), "nurse", domain, "realm"); !errors.Is(err, ErrNoUser) || sum != [16]byte{} {
		t.Errorf("Digest of a realm that has no line: %x, %v", sum, err)
	}
	if _, err := f.Scram(t.Context(), user, domain, SHA1); err == nil || errors.Is(err, ErrNoUser) {
		t.Errorf("Scram: %v", err)
	}
}

func TestDigestFileErrors(t *testing.T) {
	good := md5hex("x")
	for text, want := range map[string]string{
		"juliet":                        "PATH:1: write user:realm:HEX",
		"juliet:" + good:                "PATH:1: write user:realm:HEX",
		"\na b:r:" + good:               `PATH:2: user "a b"`,
		":r:" + good:                    `PATH:1: user ""`,
		"a:r:" + good[1:]:               `PATH:1: user "a": the last field is not 32 hexadecimal digits`,
		"a:r:x" + good[1:]:              `PATH:1: user "a": the last field is not 32 hexadecimal digits`,
		"a:r\x00s:" + good:              `PATH:1: user "a": the realm has a NUL`,
		"a:r:" + good + "\nA:r:" + good: `PATH:2: "a:r" is in line 1 already`,
	} {
		path := writeFile(t, "digest", text)
		_, err := OpenDigest(path)
		if want = strings.ReplaceAll(want, "PATH", path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	path := writeFile(t, "digest", digestLineFor("a", "r", "p"))
	f, err := OpenDigest(path)
	if err != nil {
		t.Fatal(err)
	}
	os.WriteFile(path, []byte("x"), 0o600)
	if err := f.Reload(); err == nil {
		t.Error("a broken file reloads")
	}
	if err := f.Verify(t.Context(), "a", domain, "p"); err != nil {
		t.Errorf("after a failed reload: %v", err)
	}
}
