package conf

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"roost/cmd/internal/ecconf"
)

// Macro is what a piece of a log format stands for.
type Macro string

// The macros of xmpp_logger. Literal is the text of a piece itself.
const (
	Literal       Macro = ""
	MacroTime     Macro = "t"  // Unix time, seconds
	MacroKind     Macro = "st" // iq, message, presence, stream, error
	MacroObscured Macro = "so" // the stanza with the message text hidden
	MacroRaw      Macro = "sr" // the stanza
	MacroFrom     Macro = "af"
	MacroTo       Macro = "at"
	MacroID       Macro = "ai"
	MacroType     Macro = "ay"
	MacroHost     Macro = "H" // remote address and port
)

var macros = []Macro{MacroTime, MacroKind, MacroObscured, MacroRaw, MacroFrom, MacroTo, MacroID, MacroType, MacroHost}

// Piece is one part of a log format: a macro, or literal text.
type Piece struct {
	Macro Macro
	Text  string // of a Literal
}

// ParseFormat cuts a log format into pieces. A macro is % and all letters that
// follow it, so letters cannot stand right behind a macro.
func ParseFormat(s string) ([]Piece, error) {
	var out []Piece
	for s != "" {
		lit, rest, found := strings.Cut(s, "%")
		if lit != "" {
			out = append(out, Piece{Text: lit})
		}
		if !found {
			break
		}
		n := 0
		for n < len(rest) && (rest[n]|0x20 >= 'a' && rest[n]|0x20 <= 'z') {
			n++
		}
		m := Macro(rest[:n])
		switch {
		case n < len(rest) && rest[n] == '{':
			return nil, fmt.Errorf("the macro %%%s{…} is not yet supported", m)
		case !slices.Contains(macros, m):
			return nil, fmt.Errorf("unknown macro %%%s; the macros are %s", m, macroList())
		}
		out = append(out, Piece{Macro: m})
		s = rest[n:]
	}
	return out, nil
}

func macroList() string {
	names := make([]string, len(macros))
	for i, m := range macros {
		names[i] = "%" + string(m)
	}
	return strings.Join(names, " ")
}

func checkFormat(v ecconf.Value) error {
	if v.Text == "" {
		return errors.New("the format is empty; to write no such records, set the option that switches them on to false")
	}
	_, err := ParseFormat(v.Text)
	return err
}

// namespaces are the names that may stand in the option namespace.
var namespaces = []string{"xmpp_logger", "sieve", "custom_logger"}

// splitNames cuts at commas.
func splitNames(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ",") {
		out = append(out, strings.ToLower(strings.TrimSpace(part)))
	}
	return out
}

func checkNamespace(v ecconf.Value) error {
	for _, n := range splitNames(v.Text) {
		if !slices.Contains(namespaces, n) {
			return fmt.Errorf("unknown namespace %q; write a list of %s", n, strings.Join(namespaces, ","))
		}
	}
	return nil
}

// levelNames are the severities of Debug_Flags and debug_level, most verbose
// first, and levels what they are here. NOTICE stands between Info and Warn,
// CRITICAL above Error.
var (
	levelNames = []string{"DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"}
	levels     = map[string]slog.Level{
		"debug": slog.LevelDebug, "info": slog.LevelInfo, "notice": slog.LevelInfo + 2,
		"warning": slog.LevelWarn, "error": slog.LevelError, "critical": slog.LevelError + 4,
	}
	subsystems = []string{"TIME", "FD", "SMTP", "LOG1", "DNS", "DNSDS", "NET", "SIG", "MEM", "DB", "LIC", "SSL", "MOD", "START", "ALL"}
)

func checkSubsystem(v ecconf.Value) error {
	if slices.ContainsFunc(subsystems, func(s string) bool { return strings.EqualFold(s, v.Text) }) {
		return nil
	}
	return fmt.Errorf("not a subsystem; write one of %s", strings.Join(subsystems, " "))
}

// LogLevels says how severe a message must be to be logged.
type LogLevels struct {
	Default slog.Level
	Modules map[string]slog.Level // by lower-case module or subsystem, where it differs
}

// For returns the level of a module.
func (l LogLevels) For(module string) slog.Level {
	if lv, ok := l.Modules[strings.ToLower(module)]; ok {
		return lv
	}
	return l.Default
}

// ParseLevel reads the name of a severity, in any case.
func ParseLevel(name string) (slog.Level, bool) {
	lv, ok := levels[strings.ToLower(name)]
	return lv, ok
}

// LevelName is the name of a severity.
func LevelName(lv slog.Level) string {
	for _, name := range levelNames {
		if levels[strings.ToLower(name)] == lv {
			return name
		}
	}
	return lv.String()
}
