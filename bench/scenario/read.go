package scenario

import (
	"embed"
	"errors"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

//go:embed builtin/*.yaml
var builtin embed.FS

// maxFile is the longest file that is read, in bytes.
const maxFile = 1 << 20

// Builtins lists the scenarios that need no file.
func Builtins() []string {
	entries, _ := builtin.ReadDir("builtin") // cannot fail: it is in the binary
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), ".yaml"))
	}
	return names
}

// Source returns the text of a built-in scenario, or of a file.
func Source(name string) (text []byte, file string, err error) {
	if slices.Contains(Builtins(), name) {
		text, err = builtin.ReadFile(path.Join("builtin", name+".yaml"))
		return text, name, err
	}
	if fi, err := os.Stat(name); err == nil && fi.Size() > maxFile {
		return nil, name, fmt.Errorf("%s: %d bytes are more than a scenario may have (%d)", name, fi.Size(), maxFile)
	}
	text, err = os.ReadFile(name)
	if errors.Is(err, os.ErrNotExist) && !strings.ContainsAny(name, "./") {
		return nil, name, fmt.Errorf("there is no built-in scenario %q and no such file; built in are %s", name, strings.Join(Builtins(), ", "))
	}
	return text, name, err
}

// Read reads the scenario in text; file names it in errors. Values in set replace those of its vars. The error lists all that is
// wrong, each with file, line and column.
func Read(file string, text []byte, set map[string]string) (*Scenario, error) {
	vars, err := variables(file, text, set)
	if err != nil {
		return nil, err
	}
	text, err = substitute(file, text, vars)
	if err != nil {
		return nil, err
	}
	s := new(Scenario)
	if err := yaml.UnmarshalWithOptions(text, s, yaml.Strict()); err != nil {
		return nil, yamlError(file, err)
	}
	s.Vars = vars
	s.Fill()
	if ps := s.Check(); len(ps) > 0 {
		return nil, problems(file, text, ps)
	}
	return s, nil
}

// variables reads vars alone, whose values may be any scalar.
func variables(file string, text []byte, set map[string]string) (map[string]string, error) {
	var only struct {
		Vars map[string]any `yaml:"vars"`
	}
	if err := yaml.Unmarshal(text, &only); err != nil {
		return nil, yamlError(file, err)
	}
	vars := make(map[string]string)
	for k, v := range only.Vars {
		vars[k] = fmt.Sprint(v)
	}
	for k, v := range set {
		if _, ok := vars[k]; !ok {
			return nil, fmt.Errorf("%s has no variable %q; it has %s", file, k, strings.Join(sortedKeys(vars), ", "))
		}
		vars[k] = v
	}
	return vars, nil
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

var variable = regexp.MustCompile(`\$\{([^}\n]*)\}`)

// substitute puts values where ${name} stands. Lines stay what they are.
func substitute(file string, text []byte, vars map[string]string) ([]byte, error) {
	var errs []error
	lines := strings.Split(string(text), "\n")
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "#") {
			continue
		}
		lines[i] = variable.ReplaceAllStringFunc(line, func(m string) string {
			name := m[2 : len(m)-1]
			v, ok := vars[name]
			if !ok {
				errs = append(errs, fmt.Errorf("%s:%d:%d: there is no variable %q; vars has %s", file, i+1,
					strings.Index(line, m)+1, name, strings.Join(sortedKeys(vars), ", ")))
			}
			return v
		})
	}
	return []byte(strings.Join(lines, "\n")), errors.Join(errs...)
}

// yamlError puts the position in front, as compilers do.
func yamlError(file string, err error) error {
	var ye yaml.Error
	if !errors.As(err, &ye) || ye.GetToken() == nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	pos := ye.GetToken().Position
	return fmt.Errorf("%s:%d:%d: %s", file, pos.Line, pos.Column, ye.GetMessage())
}

// problems finds where each problem stands: the place itself, or the nearest around it that is written.
func problems(file string, text []byte, ps []Problem) error {
	tree, err := parser.ParseBytes(text, 0)
	if err != nil {
		return yamlError(file, err)
	}
	var errs []error
	for _, p := range ps {
		line, col := 1, 1
		for at := p.Path; at != "" && at != "$"; at = at[:strings.LastIndexAny(at, ".[")] {
			yp, err := yaml.PathString(at)
			if err != nil {
				break
			}
			if node, err := yp.FilterFile(tree); err == nil && node != nil {
				pos := node.GetToken().Position
				line, col = pos.Line, pos.Column
				break
			}
		}
		errs = append(errs, fmt.Errorf("%s:%d:%d: %s: %s", file, line, col, strings.TrimPrefix(p.Path, "$."), p.Text))
	}
	return errors.Join(errs...)
}
