package docs

import (
	"bufio"
	"encoding/json"
	"go/format"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// checks are for the blocks that are shown but not run: each checks that the text is
// one of its language.
var checks = map[string]func(t *testing.T, text string) error{
	"json": func(_ *testing.T, text string) error {
		return json.Unmarshal([]byte(text), new(any))
	},
	"go": func(t *testing.T, text string) error {
		formatted, err := format.Source([]byte(text))
		if err == nil && string(formatted) != text {
			t.Errorf("gofmt makes of it\n%s", formatted)
		}
		if err == nil && strings.HasPrefix(text, "package ") {
			return parsed(t, "main.go", text, "go", "vet")
		}
		return err
	},
	"http": func(_ *testing.T, text string) error {
		_, err := textproto.NewReader(bufio.NewReader(strings.NewReader(text + "\n"))).ReadMIMEHeader()
		return err
	},
	"js": func(t *testing.T, text string) error {
		return parsed(t, "script.mjs", text, "node", "--check")
	},
	"python": func(t *testing.T, text string) error {
		return parsed(t, "script.py", text, "python3", "-c", "import ast, sys; ast.parse(open(sys.argv[1]).read())")
	},
	"mermaid": func(t *testing.T, text string) error {
		if !regexp.MustCompile(`^(flowchart (LR|TB)|sequenceDiagram)\n`).MatchString(text) {
			t.Error("it is no diagram of a known kind")
		}
		return nil
	},
}

// parsed has a program read a file of this name and text. A program that is not
// installed checks nothing.
func parsed(t *testing.T, name, text, program string, args ...string) error {
	t.Helper()
	if _, err := exec.LookPath(program); err != nil {
		t.Logf("not checked: %v", err)
		return nil
	}
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		return err
	}
	output, err := exec.CommandContext(t.Context(), program, append(args, path)...).CombinedOutput()
	if err != nil {
		t.Logf("%s", output)
	}
	return err
}

// shown checks a block that is shown but not run: that it can be read, and if step
// is file=<path>, that it is what this file of the project has.
func (b block) shown(t *testing.T, step string) {
	t.Helper()
	if path, ok := strings.CutPrefix(step, "file="); ok {
		text, err := os.ReadFile(filepath.Join("..", path))
		if err != nil || string(text) != b.text {
			t.Errorf("line %d is not %s, which is %v\n%s", b.line, path, err, text)
		}
		return
	}
	check := checks[b.lang]
	if b.lang == "sh" {
		check = func(t *testing.T, text string) error { return parsed(t, "script.sh", text, "bash", "-n") }
	}
	if check == nil {
		t.Fatalf("line %d: nothing can check a block of %q", b.line, b.lang)
	}
	if err := check(t, b.text); err != nil {
		t.Errorf("line %d: %v", b.line, err)
	}
}

// handler checks that a block of JSON is the configuration of a handler.
func (s *sandbox) handler(text string) {
	s.t.Helper()
	config := `{"apps":{"http":{"servers":{"test":{"listen":["` + s.site + `"],"routes":[{"match":[{"host":["localhost"]}],"handle":[` + text + `]}]}}}}}`
	if err := os.WriteFile(s.etc("handler.json"), []byte(config), 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.shell("caddy validate --config /etc/caddy/handler.json")
}

// directiveCase is where the directive reads an option.
var directiveCase = regexp.MustCompile(`(?m)^\t\tcase "([a-z_]+)":$`)

var optionRow = regexp.MustCompile("(?m)^\\| (?:… )?`([a-z_]+)` \\|")

// TestDocsOptions wants every option of the grammar in the tables, and no other.
func TestDocsOptions(t *testing.T) {
	var grammar []string
	for _, b := range parsePage(t, "options.md") {
		if slices.Contains(b.steps, "grammar") {
			for _, line := range strings.Split(b.text, "\n")[1:] {
				if word, _, _ := strings.Cut(strings.TrimSpace(line), " "); regexp.MustCompile(`^[a-z_]+$`).MatchString(word) {
					grammar = append(grammar, word)
				}
			}
		}
	}
	var parsed []string // what the directive takes
	for _, file := range []string{"../caddyfile.go", "../caddyfile_queue.go"} {
		code, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range directiveCase.FindAllStringSubmatch(string(code), -1) {
			parsed = append(parsed, m[1])
		}
	}
	if !slices.Equal(slices.Sorted(slices.Values(grammar)), slices.Sorted(slices.Values(parsed))) {
		t.Errorf("the grammar has\n%v, the directive takes\n%v", grammar, parsed)
	}
	for _, page := range []string{"options.md", "../README.md", "../README.zh-CN.md"} {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		var rows []string
		for _, m := range optionRow.FindAllStringSubmatch(string(text), -1) {
			rows = append(rows, m[1])
		}
		if !slices.Equal(rows, grammar) {
			t.Errorf("%s has rows for\n%v, the grammar has\n%v", page, rows, grammar)
		}
	}
}
