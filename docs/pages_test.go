package docs

import (
	"bufio"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// TestDocs runs every block of the pages in docs/, page by page from top to bottom,
// each page in a sandbox of its own. A comment in front of a block says in which
// steps, for example
//
//	<!-- test: backend=404 send=3 dead=3 run -->
//
// The steps config, start, restart, run, output, handler, check, grammar, sql and file are
// about the block itself (see step), all others about what is around it (see around).
// Without a comment a block of sh is run, one of caddyfile becomes the configuration,
// and one of a language that has a check (see checks) is checked.
func TestDocs(t *testing.T) {
	for _, page := range pages(t) {
		t.Run(filepath.Base(page), func(t *testing.T) {
			blocks := parsePage(t, page)
			if len(blocks) == 0 {
				return
			}
			s := newSandbox(t)
			for _, b := range blocks {
				for _, step := range b.steps {
					s.step(b, step)
				}
				if t.Failed() {
					t.Fatalf("that was the block at line %d", b.line)
				}
			}
		})
	}
}

func pages(t *testing.T) []string {
	t.Helper()
	pages, err := filepath.Glob("*.md")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	return pages
}

// block is a fenced block of a page.
type block struct {
	line  int
	lang  string
	text  string
	steps []string
}

var testComment = regexp.MustCompile(`^<!-- test: (.+) -->$`)

// parsePage finds the blocks of a page, and refuses what would not be run.
func parsePage(t *testing.T, page string) (blocks []block) {
	t.Helper()
	f, err := os.Open(page)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var (
		current *block
		steps   []string
		line    int
	)
	for scanner := bufio.NewScanner(f); scanner.Scan(); {
		line++
		text := scanner.Text()
		switch comment := testComment.FindStringSubmatch(text); {
		case current != nil && text == "```":
			blocks = append(blocks, *current)
			current = nil
		case current != nil:
			current.text += text + "\n"
		case comment != nil:
			steps = strings.Fields(comment[1])
		case strings.HasPrefix(text, "```"):
			current = &block{line: line, lang: text[3:], steps: steps}
			current.check(t)
			steps = nil
		case steps != nil || strings.HasPrefix(text, "    ") || strings.Contains(text, "```"):
			t.Fatalf("line %d: neither prose nor a block that can be run", line)
		}
	}
	if current != nil {
		t.Fatalf("the block at line %d does not end", current.line)
	}
	return blocks
}

// check says which steps a block has, and that one of them is about itself.
func (b *block) check(t *testing.T) {
	t.Helper()
	own := map[string][]string{"caddyfile": {"config", "start", "restart", "grammar"}, "sh": {"run", "check"}, "sql": {"sql"}}[b.lang]
	if own == nil {
		own = []string{"output", "handler", "check", "file"}
		if checks[b.lang] != nil {
			own[0], own[2] = own[2], own[0]
		}
	}
	for _, step := range b.steps {
		if name, _, _ := strings.Cut(step, "="); slices.Contains(own, name) {
			return
		}
	}
	if own[0] == "output" || own[0] == "sql" {
		t.Fatalf("the block at line %d is neither run nor compared with an output", b.line)
	}
	b.steps = append(b.steps, own[0])
}

// TestDocsFormat holds configurations to the form that `caddy fmt` gives them.
func TestDocsFormat(t *testing.T) {
	for _, page := range pages(t) {
		for _, b := range parsePage(t, page) {
			if b.lang != "caddyfile" {
				continue
			}
			if formatted := string(caddyfile.Format([]byte(b.text))); formatted != b.text {
				t.Errorf("%s, line %d: caddy fmt makes of it\n%s", page, b.line, formatted)
			}
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)]+)\)`)

// TestDocsLinks follows links within the project, and wants all pages in the index.
func TestDocsLinks(t *testing.T) {
	index := make(map[string]bool)
	atRoot, err := filepath.Glob("../*.md")
	if err != nil || len(atRoot) == 0 {
		t.Fatalf("no READMEs: %v", err)
	}
	for _, page := range append(atRoot, pages(t)...) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			path, anchor, _ := strings.Cut(m[1], "#")
			if strings.Contains(path, "://") {
				continue
			}
			target := page
			if path != "" {
				target = filepath.Join(filepath.Dir(page), path)
			}
			if page == "README.md" {
				index[target] = true
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: %v", page, err)
			}
			if anchor == "" {
				continue
			}
			content, err := os.ReadFile(target)
			if err != nil || !hasHeading(string(content), anchor) {
				t.Errorf("%s: %s has no heading %s", page, target, anchor)
			}
		}
	}
	for _, page := range pages(t) {
		if !index[page] && filepath.Base(page) != "README.md" {
			t.Errorf("%s is not in the index", page)
		}
	}
}

func hasHeading(content, anchor string) bool {
	for line := range strings.Lines(content) {
		if title, ok := strings.CutPrefix(strings.TrimLeft(line, "#"), " "); ok && line[0] == '#' &&
			strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-") == anchor {
			return true
		}
	}
	return false
}
