package callback

import (
	"net/url"
	"strings"
	"testing"
	"unicode"
)

func TestEncodeHeader(t *testing.T) {
	const replaced = "%EF%BF%BD"
	for s, want := range map[string]string{
		"":                   "",
		"id1":                "id1",
		"a,b;c=d/é":          "a,b;c=d/%C3%A9",
		"a b":                "a%20b",
		`say "100%"`:         "say%20%22100%25%22",
		"%41":                "%2541",
		"昵称":                 "%E6%98%B5%E7%A7%B0",
		"😀":                  "%F0%9F%98%80",
		"a\r\nX-Evil: 1":     "a" + replaced + replaced + "X-Evil:%201",
		"\x00\t\x1f":         replaced + replaced + replaced,
		"\x7f\u0080\u009f":   replaced + replaced + replaced,
		"\u00a0\u2028":       "%C2%A0%E2%80%A8",
		"\ufdd0\ufdef":       replaced + replaced,
		"\ufdcf\ufdf0":       "%EF%B7%8F%EF%B7%B0",
		"\ufffe\uffff":       replaced + replaced,
		"\U0001fffe":         replaced,
		"\U0010ffff":         replaced,
		"\ufffd":             replaced,
		"\xff\xc3":           replaced + replaced,
		"~!*'()[]{}|\\^`<>@": "~!*'()[]{}|\\^`<>@",
	} {
		if got := encodeHeader(s); got != want {
			t.Errorf("%q: got %s, want %s", s, got, want)
		}
	}
}

func FuzzEncodeHeader(f *testing.F) {
	for _, s := range []string{"id1", "a\r\nX: 1", "昵称 \"1%\"", "\ufffe\U0010ffff\xff"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := encodeHeader(s)
		if i := strings.IndexFunc(got, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' }); i >= 0 {
			t.Fatalf("%q: byte %d of %q", s, i, got)
		}
		want := strings.Map(func(r rune) rune {
			if unicode.IsControl(r) || unicode.Is(unicode.Noncharacter_Code_Point, r) {
				return unicode.ReplacementChar
			}
			return r
		}, s)
		back, err := url.PathUnescape(got)
		if err != nil || back != want || decodeHeader(got) != want {
			t.Fatalf("%q: %q, %v, want %q", s, back, err, want)
		}
	})
}
