package callback

import (
	"strings"
	"unicode/utf8"
)

// encodeHeader turns the value of a CloudEvents attribute into a header value.
// Characters that CloudEvents forbids become U+FFFD. Then everything that is not
// printable ASCII is percent-encoded, and so are the space, the double quote and the
// percent sign, as section 3.1.3.2 of the HTTP binding requires.
func encodeHeader(s string) string {
	plain := true
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '%' {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(3 * len(s))
	for _, r := range s {
		if forbidden(r) {
			r = utf8.RuneError
		}
		if r > ' ' && r < 0x7f && r != '"' && r != '%' {
			b.WriteByte(byte(r))
			continue
		}
		var buf [utf8.UTFMax]byte
		for _, c := range buf[:utf8.EncodeRune(buf[:], r)] {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&0xf])
		}
	}
	return b.String()
}

// forbidden reports whether CloudEvents forbids r in a string because it is a control
// character or a noncharacter. Surrogates are forbidden too, but never occur when a Go
// string is read rune by rune.
func forbidden(r rune) bool {
	return r < 0x20 || r >= 0x7f && r <= 0x9f || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe
}
