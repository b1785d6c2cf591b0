package console

import (
	"strings"
	"testing"
)

func TestTable(t *testing.T) {
	columns := []Column{
		{Title: "ID"},
		{Title: "WHO", Least: 4},
		{Title: "KIND", Spare: true},
		{Title: "N", Right: true},
		{Title: "ERROR", Least: 6, Tail: true},
	}
	pages := [][][]string{
		{{"a1", "id1", "Set", "5", "404 Not Found"}, {"a2", "张三", "Set", "12", ""}},
		{{"a3", "somebody", "", "1", "\x1b[2Jdial\nup"}},
	}
	for _, tc := range []struct {
		name  string
		width int
		want  string
	}{
		{"no terminal", 0, `
ID  WHO   KIND   N  ERROR
a1  id1   Set    5  404 Not Found
a2  张三  Set   12  -
a3  somebody  -      1  ` + "\ufffd" + `[2Jdial up
`},
		{"wide", 80, `
ID  WHO   KIND   N  ERROR
a1  id1   Set    5  404 Not Found
a2  张三  Set   12  -
a3  somebody  -      1  ` + "\ufffd" + `[2Jdial up
`},
		{"without what is spare", 30, `
ID  WHO    N  ERROR
a1  id1    5  404 Not Found
a2  张三  12  -
a3  somebody   1  ` + "\ufffd" + `[2Jdial up
`},
		{"cut", 20, `
ID  WHO    N  ERROR
a1  id1    5  …Found
a2  张三  12  -
a3  som…   1  …al up
`},
		{"too narrow", 10, `
ID  WHO    N  ERROR
a1  id1    5  …Found
a2  张三  12  -
a3  som…   1  …al up
`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var out strings.Builder
			table := NewTable(&out, columns...)
			table.width = tc.width
			for _, page := range pages {
				var rows [][]string
				for _, row := range page {
					rows = append(rows, append([]string(nil), row...))
				}
				if err := table.Print(rows); err != nil {
					t.Fatal(err)
				}
			}
			if got := "\n" + out.String(); got != tc.want {
				t.Errorf("got %s\nwant %s", got, tc.want)
			}
			for line := range strings.Lines(out.String()) {
				if w := Width(strings.TrimSuffix(line, "\n")); tc.width >= 20 && w > tc.width {
					t.Errorf("%d columns in %q", w, line)
				}
			}
		})
	}
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		s         string
		columns   int
		end, tail string
	}{
		{"", 3, "", ""},
		{"abc", 3, "abc", "abc"},
		{"abcd", 3, "ab…", "…cd"},
		{"张三", 4, "张三", "张三"},
		{"张三丰", 4, "张…", "…丰"},
		{"张三丰", 5, "张三…", "…三丰"},
		{"e\u0301e\u0301", 2, "e\u0301e\u0301", "e\u0301e\u0301"},
	} {
		end, tail := Cut(tc.s, tc.columns, false), Cut(tc.s, tc.columns, true)
		if end != tc.end || tail != tc.tail || Width(end) > tc.columns || Width(tail) > tc.columns {
			t.Errorf("%q in %d columns: got %q and %q, want %q and %q", tc.s, tc.columns, end, tail, tc.end, tc.tail)
		}
	}
}

func TestVisibleJSON(t *testing.T) {
	for text, want := range map[string]string{
		`{"a":"昵 é 👩"}`:        `{"a":"昵 é 👩"}`,
		"[\"\u009b31m\x7f\"]":  `["\u009b31m\u007f"]`,
		"\"\u202e\U000e0041\"": `"\u202e\udb40\udc41"`,
	} {
		if got := string(VisibleJSON([]byte(text))); got != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}
