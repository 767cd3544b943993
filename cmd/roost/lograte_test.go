package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLogRate: of each message there are so many lines in a second, and a line that counts the others.
func TestLogRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out bytes.Buffer
		b := &brake{}
		b.rate.Store(3)
		f := newFormatted(&out, "text")
		log := slog.New(braked{f, b, f}).With("of", "one")
		burst := func(n int) {
			for i := range n {
				log.Info("login failed", "n", i)
			}
			log.Warn("something else")
			time.Sleep(2 * logWindow)
			synctest.Wait()
		}
		lines := func(what string) int { defer out.Reset(); return strings.Count(out.String(), what) }
		burst(3)
		if strings.Contains(out.String(), "held back") || lines("login failed") != 3 {
			t.Error("three lines are not three lines")
		}
		burst(1000)
		if got := out.String(); strings.Count(got, `msg="login failed"`) != 3 || strings.Count(got, "something else") != 1 ||
			!strings.Contains(got, `level=INFO msg="lines held back (Log_Rate)" of="login failed" count=997 written=3`) {
			t.Error(got)
		}
		out.Reset()
		burst(4)
		if got := out.String(); !strings.Contains(got, "count=1 written=3") {
			t.Error(got)
		}
		out.Reset()
		for i := range 10 * maxLogKeys {
			log.Info(fmt.Sprint("made up ", i))
		}
		b.mu.Lock()
		if n := len(b.seen); n > maxLogKeys+1 {
			t.Errorf("%d messages are remembered", n)
		}
		b.mu.Unlock()
		time.Sleep(2 * logWindow)
		synctest.Wait()
		if got := out.String(); !strings.Contains(got, `of="other messages"`) {
			t.Error(got)
		}
		b.rate.Store(0)
		out.Reset()
		burst(5)
		if lines("login failed") != 5 {
			t.Error("a rate of 0 is no bound")
		}
	})
}

// TestLogFormat: text and JSON say the same, and the format changes under the loggers that are there.
func TestLogFormat(t *testing.T) {
	var out bytes.Buffer
	f := newFormatted(&out, "text")
	log := slog.New(f).With("module", "xmpp")
	log.Info("session ended", "duration", 90*time.Second)
	log.Log(t.Context(), slog.LevelError+4, "bad")
	log.Log(t.Context(), slog.LevelInfo+2, "so")
	for _, want := range []string{"level=INFO msg=\"session ended\" module=xmpp duration=1m30s", "level=CRITICAL msg=bad", "level=NOTICE msg=so"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in\n%s", want, &out)
		}
	}
	out.Reset()
	f.use("json")
	log.Info("session ended", "duration", 90*time.Second)
	var got map[string]any
	if err := json.Unmarshal(out.Bytes(), &got); err != nil || got["msg"] != "session ended" || got["module"] != "xmpp" || got["duration"] != 90.0 {
		t.Errorf("%v: %s", err, &out)
	}
}
