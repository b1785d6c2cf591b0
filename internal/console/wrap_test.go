package console

import "testing"

func TestWrap(t *testing.T) {
	for _, test := range []struct{ s, want string }{
		{"", ""},
		{"one two", "one two"},
		{"昵昵昵昵昵 昵昵昵 昵", "昵昵昵昵昵 昵昵昵\n  昵"},
		{"one two three four", "one two\n  three\n  four"},
		{"short unbreakablelong x", "short\n  unbreakablelong\n  x"},
	} {
		if got := Wrap(test.s, 9, "  "); got != test.want {
			t.Errorf("%q: got %q", test.s, got)
		}
	}
}
