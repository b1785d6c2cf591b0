package main

import (
	"fmt"
	"strings"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// The lines of the page between which the table stands.
const (
	begin = "<!-- go run ./docs/commands writes this table -->\n"
	end   = "<!-- the table ends here -->\n"
)

// replaceTable returns the text of the page with the table of the present commands.
func replaceTable(text string) (string, error) {
	before, rest, ok := strings.Cut(text, begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return "", fmt.Errorf("%s: the lines around the table are missing", page)
	}
	return before + begin + "\n" + table() + "\n" + end + after, nil
}

// table returns the table of all commands in Markdown.
func table() string {
	var text strings.Builder
	text.WriteString("| command | kind | subject | lane | what the answer may carry | documented |\n|---|---|---|---|---|---|\n")
	for _, c := range callback.Commands() {
		documented := "yes"
		if !c.Documented {
			documented = "no"
		}
		fmt.Fprintf(&text, "| `%s` | %s | %s | %s | %s | %s |\n", c.Name, c.Kind, code(c.Subject, " or "), lane(c.Lane), answer(&c), documented)
	}
	return text.String()
}

// code returns names as code, with a separator between them.
func code(names []string, separator string) string {
	quoted := make([]string, len(names))
	for i, name := range names {
		quoted[i] = "`" + name + "`"
	}
	return strings.Join(quoted, separator)
}

func lane(kind callback.LaneKind) string { return strings.ReplaceAll(string(kind), "_", " ") }

// answer says what the answer to a decision may have beside the three members that every
// answer has.
func answer(c *callback.Command) string {
	members := code(c.Answer, ", ")
	switch {
	case c.ResultItems != "":
		return members + ", required: one for each `To_Account` in `" + c.ResultItems + "`"
	case c.NoNeutral:
		return members + ", required"
	}
	return members
}
