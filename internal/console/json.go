package console

import (
	"fmt"
	"unicode"
	"unicode/utf16"
)

// VisibleJSON makes a JSON text safe for a terminal. Unlike [Visible] it does not change its
// meaning, since it escapes unsafe characters.
func VisibleJSON(text []byte) []byte {
	clean := make([]byte, 0, len(text))
	for _, r := range string(text) {
		switch {
		case r == '\n', unicode.IsPrint(r):
			clean = append(clean, string(r)...)
		case r > 0xffff:
			high, low := utf16.EncodeRune(r)
			clean = fmt.Appendf(clean, `\u%04x\u%04x`, high, low)
		default:
			clean = fmt.Appendf(clean, `\u%04x`, r)
		}
	}
	return clean
}
