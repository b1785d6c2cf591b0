package console

import (
	"slices"
	"unicode"

	"golang.org/x/text/width"
)

// Width returns the number of columns that a [Line] takes in a terminal.
func Width(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// Cut shortens a [Line] to at most this number of columns. It replaces the end, or the beginning
// if beginning is true, with "…".
func Cut(s string, columns int, beginning bool) string {
	if Width(s) <= columns {
		return s
	}
	runes := []rune(s)
	if beginning {
		slices.Reverse(runes)
	}
	n, width := 0, 0
	for width+runeWidth(runes[n]) < columns {
		width += runeWidth(runes[n])
		n++
	}
	runes = append(runes[:n], '…')
	if beginning {
		slices.Reverse(runes)
	}
	return string(runes)
}
