package ecconf

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// tree writes files (path → text) below a new directory and returns it.
func files(t *testing.T, content map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range content {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestInclude(t *testing.T) {
	dir := files(t, map[string]string{
		"main.conf":          "a = 1\nserver {\n  include \"sub/one.conf\"\n}\ninclude conf.d\nreadonly_include only.conf\ninclude again.conf\ninclude again.conf\nb = 2\n",
		"sub/one.conf":       "in_one = 1\ninclude two.conf # beside this file\n",
		"sub/two.conf":       "in_two = 1\n",
		"two.conf":           "wrong = 1\n",
		"conf.d/20-b.conf":   "d20 = 1\n",
		"conf.d/10-a.conf":   "d10 = 1\n",
		"conf.d/.hidden":     "hidden = 1\n",
		"conf.d/dir/x.conf":  "deeper = 1\n",
		"search/only.conf":   "searched = 1\ninclude nested.conf",
		"search/nested.conf": "nested = 1\n",
		"again.conf":         "",
	})
	doc, err := Load(filepath.Join(dir, "main.conf"), filepath.Join(dir, "nowhere")+":"+filepath.Join(dir, "search"))
	if err != nil {
		t.Fatal(err)
	}
	want := "a = 1\nserver {\n  in_one = 1\n  in_two = 1\n}\nd10 = 1\nd20 = 1\nsearched = 1\nnested = 1\nb = 2\n"
	if got := dump(doc.Items); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	var got []string
	for _, f := range doc.Files {
		rel, _ := filepath.Rel(dir, f.Path)
		got = append(got, fmt.Sprint(rel, " ", f.ReadOnly))
	}
	wantFiles := "main.conf false,sub/one.conf false,sub/two.conf false,conf.d/10-a.conf false,conf.d/20-b.conf false,search/only.conf true,search/nested.conf true,again.conf true"
	if strings.Join(got, ",") != wantFiles {
		t.Errorf("files %s", strings.Join(got, ","))
	}
}

func TestIncludeAbsoluteAndURI(t *testing.T) {
	dir := files(t, map[string]string{"x.conf": "x = 1\n"})
	path := filepath.Join(dir, "x.conf")
	main := files(t, map[string]string{"main.conf": fmt.Sprintf("include %q\ninclude \"file://%s\"\n", path, path)})
	doc, err := Load(filepath.Join(main, "main.conf"), "")
	if err != nil || dump(doc.Items) != "x = 1\nx = 1\n" {
		t.Errorf("%v\n%s", err, dump(doc.Items))
	}
}

func TestIncludeErrors(t *testing.T) {
	dir := files(t, map[string]string{
		"main.conf": "include missing.conf\ninclude loop.conf\ninclude \"http://x/y\"\ninclude fifo\nz = 1\ninclude broken.conf",
		"loop.conf": "\n  include \"./main.conf\"\n", "broken.conf": "a 1",
	})
	if err := syscall.Mkfifo(filepath.Join(dir, "fifo"), 0o600); err != nil {
		t.Fatal(err)
	}
	doc, err := Load(filepath.Join(dir, "main.conf"), "")
	want := strings.ReplaceAll(`D/main.conf:1:9: include "missing.conf" cannot be read: no such file or directory
D/main.conf:3:9: include "http://x/y" cannot be read: only paths and file:///path are read at start
D/main.conf:4:9: include "D/fifo" cannot be read: it is not a regular file
D/loop.conf:2:11: include "D/main.conf" cannot be read: it includes itself in a circle
D/broken.conf:1:3: = is missing between a and "1" (or a { after it, if a is a stanza)`, "D", dir)
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
	if dump(doc.Items) != "z = 1\n" || !doc.Damaged {
		t.Errorf("items\n%s", dump(doc.Items))
	}
	if _, err := Load(filepath.Join(dir, "none.conf"), "/x"); err == nil || err.Error() != filepath.Join(dir, "none.conf")+": cannot be read: no such file or directory" {
		t.Errorf("missing main file: %v", err)
	}
	if _, err := Load(dir, ""); err == nil || !strings.Contains(err.Error(), "it is not a regular file") {
		t.Errorf("directory as main file: %v", err)
	}
}

// The outermost file may be a pipe or a device: roost check -c /dev/stdin.
func TestLoadDevice(t *testing.T) {
	doc, err := Load("/dev/null", "")
	if err != nil || len(doc.Items) != 0 {
		t.Errorf("%v", err)
	}
	if _, err := Load("/dev/zero", ""); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("/dev/zero: %v", err)
	}
}

func TestIncludeSearchPathInMessage(t *testing.T) {
	dir := files(t, map[string]string{"main.conf": "include x.conf"})
	_, err := Load(filepath.Join(dir, "main.conf"), "/nowhere")
	if err == nil || !strings.HasSuffix(err.Error(), "no such file or directory (looked in "+dir+", /nowhere)") {
		t.Errorf("got %v", err)
	}
}

func TestIncludeLimits(t *testing.T) {
	chain := map[string]string{}
	for i := range MaxIncludeDepth + 2 {
		chain[fmt.Sprintf("%d.conf", i)] = fmt.Sprintf("include %d.conf\n", i+1)
	}
	fan := map[string]string{"12.conf": "x = 1\n"} // 3^12 files if nobody counted
	for i := range 12 {
		fan[fmt.Sprintf("%d.conf", i)] = strings.Repeat(fmt.Sprintf("include %d.conf\n", i+1), 3)
	}
	big := map[string]string{"0.conf": strings.Repeat("#", MaxFileSize+1)}
	total := map[string]string{"0.conf": strings.Repeat("include 1.conf\n", 6), "1.conf": strings.Repeat("#", MaxFileSize)}
	for want, content := range map[string]map[string]string{
		"includes nest deeper than 16 files":                chain,
		"more than 4096 files are included":                 fan,
		"cannot be read: it is larger than 16777216 bytes":  big,
		"all files together are larger than 67108864 bytes": total,
	} {
		_, err := Load(filepath.Join(files(t, content), "0.conf"), "")
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
			t.Errorf("got %v, want one error: %s", err, want)
		}
	}
}
