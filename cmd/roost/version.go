package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// versionNumber and commit are set at link time (see the Makefile); a plain go build leaves commit to
// the build information.
var (
	versionNumber = "0.1.0"
	commit        = ""
)

// versionLine is what `roost version` prints.
func versionLine() string {
	return fmt.Sprintf("roost %s, commit %s, %s %s/%s", versionNumber, revision(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// revision is the commit that was built.
func revision() string {
	c := commit
	if info, ok := debug.ReadBuildInfo(); ok && c == "" {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				c = s.Value
			}
		}
	}
	if c == "" {
		c = "unknown"
	}
	return c
}
