package inspector

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// visible returns a text as people can see it: what has no shape of its own, such as a control
// character, a mark that turns the direction of text, or a byte that is not UTF-8, becomes a name in
// angle quotes. Spaces at the ends become "␣".
func visible(s string) string {
	begin := len(s) - len(strings.TrimLeft(s, " "))
	end := max(len(strings.TrimRight(s, " ")), begin)
	return strings.Repeat("␣", begin) + show(s[begin:end], "") + strings.Repeat("␣", len(s)-end)
}

// visibleLines is visible for a text of several lines.
func visibleLines(s string) string { return show(s, "\n\t") }

func show(s, keep string) string {
	if isPlain(s) {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, "‹0x%02X›", s[i])
		case strings.ContainsRune(keep, r):
			b.WriteRune(r)
		case hidden(r):
			b.WriteString(nameOf(r))
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// hidden reports whether a character cannot be seen. A joiner of emoji is left alone.
func hidden(r rune) bool {
	const joiner = '\u200D'
	return r != ' ' && r != joiner && (unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Zl, unicode.Zp) ||
		unicode.Is(unicode.Zs, r) && r != '\u3000' || r == '\u115F' || r == '\u1160' || r == '\u3164' || r == '\uFFA0')
}

func nameOf(r rune) string {
	switch r {
	case '\n':
		return "‹\\n›"
	case '\r':
		return "‹\\r›"
	case '\t':
		return "‹\\t›"
	}
	return fmt.Sprintf("‹U+%04X›", r)
}

// pretty returns a JSON text with a line for each value, and every value as it was sent.
func pretty(text []byte) string {
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return visibleLines(string(text))
	}
	return visibleLines(b.String())
}
