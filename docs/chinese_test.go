package docs

import (
	"reflect"
	"slices"
	"strings"
	"testing"
)

// TestPagesInChinese holds each Chinese page to the English one: the same blocks and steps, as many
// sections and rows of tables, and the same links and names.
func TestPagesInChinese(t *testing.T) {
	translated := 0
	for _, page := range pages(t) {
		name, ok := strings.CutSuffix(page, ".zh.md")
		if !ok {
			continue
		}
		translated++
		english, chinese := parsePage(t, name+".md"), parsePage(t, page)
		for i := range min(len(english), len(chinese)) {
			e, c := english[i], chinese[i]
			if e.line, c.line = 0, 0; !reflect.DeepEqual(e, c) {
				t.Errorf("%s: block %d is\n%+v\nin English, and in Chinese\n%+v", name, i+1, e, c)
			}
		}
		if len(english) != len(chinese) {
			t.Errorf("%s: %d blocks in English, %d in Chinese", name, len(english), len(chinese))
		}
		textE, textC := fence.ReplaceAllString(read(t, name+".md"), ""), fence.ReplaceAllString(read(t, page), "")
		if e, c := len(heading.FindAllString(textE, -1)), len(heading.FindAllString(textC, -1)); e != c {
			t.Errorf("%s: %d headings in English, %d in Chinese", name, e, c)
		}
		if e, c := len(tableRow.FindAllString(textE, -1)), len(tableRow.FindAllString(textC, -1)); e != c {
			t.Errorf("%s: %d rows of tables in English, %d in Chinese", name, e, c)
		}
		find := func(text string) (all []string) {
			all = append(target.FindAllString(text, -1), literal.FindAllString(text, -1)...)
			all = slices.DeleteFunc(all, func(s string) bool { return s == "]("+name+".md)" || s == "]("+page+")" })
			slices.Sort(all)
			return slices.Compact(all)
		}
		if e, c := find(textE), find(textC); !slices.Equal(e, c) {
			t.Errorf("%s: the links and names are\n%q\nin English, and in Chinese\n%q", name, e, c)
		}
	}
	if translated == 0 {
		t.Error("there is no page in Chinese")
	}
}
