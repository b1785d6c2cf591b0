package docs

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// fence is a block of code in a text, with its language.
var fence = regexp.MustCompile("(?ms)^```(\\w*)\n(.*?)^```$")

func readme(t *testing.T, name string) (text string, blocks [][]string) {
	t.Helper()
	content, err := os.ReadFile("../" + name)
	if err != nil {
		t.Fatal(err)
	}
	blocks = fence.FindAllStringSubmatch(string(content), -1)
	if len(blocks) == 0 {
		t.Fatalf("%s has no blocks", name)
	}
	return fence.ReplaceAllString(string(content), ""), blocks
}

// TestReadmeCommands runs what the README shows: the configurations, and the commands
// with the last of them. (.ci/run runs the quickstart.)
func TestReadmeCommands(t *testing.T) {
	_, blocks := readme(t, "README.md")
	s := newSandbox(t)
	s.env = append(s.env, "TIM_CALLBACK_TOKEN_2=second", "TIM_WEBHOOK_SECRET=whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	ran := make(map[string]bool)
	for _, b := range blocks {
		switch lang, text := b[1], b[2]; {
		case lang == "caddyfile" && strings.HasPrefix(text, "im.example.com"):
			s.step(block{text: text}, "restart")
		case lang == "sh" && (strings.Contains(text, "caddy tim-callback") || strings.Contains(text, "localhost:2019")) && !strings.Contains(text, "go run"):
			s.step(block{text: text}, "run")
			for _, command := range []string{"send", "check", "queue list"} {
				if strings.Contains(text, "tim-callback "+command) {
					ran[command] = true
				}
			}
		case checks[lang] != nil:
			block{lang: lang, text: text}.shown(t, "check")
		}
	}
	if len(ran) != 3 {
		t.Errorf("ran only %v", ran)
	}
}

// TestReadmeLength keeps the README short enough for a first reading.
func TestReadmeLength(t *testing.T) {
	text, blocks := readme(t, "README.md")
	words := len(strings.Fields(text))
	for _, b := range blocks {
		words += len(strings.Fields(b[0]))
	}
	if words > 1800 {
		t.Errorf("it has %d words", words)
	}
	for line := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 160 && !strings.HasPrefix(line, "|") {
			t.Errorf("a line has %d characters: %s", n, line)
		}
	}
}

var (
	heading  = regexp.MustCompile(`(?m)^#+ `)
	tableRow = regexp.MustCompile(`(?m)^\|.*$`)
	target   = regexp.MustCompile(`\]\(([^)#]+)\)`)
	literal  = regexp.MustCompile("`[^`\n]+`")
)

// TestReadmeInChinese holds the Chinese README to the English one: the same code,
// sections, tables, links and names.
func TestReadmeInChinese(t *testing.T) {
	english, blocks := readme(t, "README.md")
	chinese, translated := readme(t, "README.zh-CN.md")
	for i := range min(len(blocks), len(translated)) {
		if blocks[i][0] != translated[i][0] {
			t.Errorf("block %d is\n%s\nin English, and in Chinese\n%s", i+1, blocks[i][0], translated[i][0])
		}
	}
	if len(blocks) != len(translated) {
		t.Errorf("%d blocks in English, %d in Chinese", len(blocks), len(translated))
	}
	for name, kind := range map[string]*regexp.Regexp{"headings": heading, "rows of tables": tableRow} {
		if e, c := len(kind.FindAllString(english, -1)), len(kind.FindAllString(chinese, -1)); e != c {
			t.Errorf("%d %s in English, %d in Chinese", e, name, c)
		}
	}
	for name, kind := range map[string]*regexp.Regexp{"link": target, "name": literal} {
		e, c := kind.FindAllString(english, -1), kind.FindAllString(chinese, -1)
		for i, text := range []string{"](README.md)", "](README.zh-CN.md)"} {
			all := []*[]string{&c, &e}[i]
			*all = slices.DeleteFunc(*all, func(s string) bool { return s == text })
		}
		slices.Sort(e)
		slices.Sort(c)
		for _, s := range slices.Compact(slices.Clone(e)) {
			if !slices.Contains(c, s) {
				t.Errorf("the Chinese README lacks the %s %s", name, s)
			}
		}
		for _, s := range slices.Compact(slices.Clone(c)) {
			if !slices.Contains(e, s) {
				t.Errorf("the Chinese README alone has the %s %s", name, s)
			}
		}
	}
}
