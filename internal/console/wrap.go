package console

import (
	"strings"
	"unicode/utf8"
)

// Wrap breaks s at spaces into lines of at most width characters. All lines except the first
// begin with indent. A word that is longer than a line is not broken.
func Wrap(s string, width int, indent string) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(s) {
		n := utf8.RuneCountInString(word)
		switch {
		case i == 0:
		case column+1+n > width:
			b.WriteString("\n" + indent)
			column = utf8.RuneCountInString(indent)
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += n
	}
	return b.String()
}
