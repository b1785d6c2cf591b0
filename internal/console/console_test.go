package console

import (
	"bytes"
	"os"
	"testing"
	"unicode/utf8"
)

func TestVisible(t *testing.T) {
	for s, want := range map[string]string{
		"":                      "",
		"昵称 é\tx\r\ny\n":        "昵称 é\tx\ny\n",
		"👩\u200d💻":              "👩\u200d💻",
		"\x1b[31mred\x1b]0;t\a": "\ufffd[31mred\ufffd]0;t\ufffd",
		"over\rwrite\x00\x7f":   "over\ufffdwrite\ufffd\ufffd",
		"\u009b31m\u202etxt":    "\ufffd31m\ufffdtxt",
		"\xff\xfe":              "\ufffd\ufffd",
	} {
		if got := Visible(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
	if got := Line("a\r\nb\tc\rd"); got != "a b c\ufffdd" {
		t.Errorf("got %q", got)
	}
}

func FuzzVisible(f *testing.F) {
	f.Add("\x1b[0m昵\r\n")
	f.Fuzz(func(t *testing.T, s string) {
		got := Visible(s)
		if !utf8.ValidString(got) || Visible(got) != got {
			t.Errorf("%q: got %q", s, got)
		}
		for _, r := range got {
			if (r < ' ' && r != '\n' && r != '\t') || r >= 0x7f && r < 0xa0 {
				t.Errorf("%q: got %q", s, got)
			}
		}
	})
}

func TestPalette(t *testing.T) {
	on := Palette{on: true}
	if got := on.Bad("no") + on.Good(""); got != "\x1b[31mno\x1b[0m" {
		t.Errorf("got %q", got)
	}
	if got := PaletteFor(new(bytes.Buffer)).Bad("no"); got != "no" {
		t.Errorf("got %q", got)
	}
}

func TestTerminal(t *testing.T) {
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if width, ok := Terminal(f); ok || width != DefaultWidth || Capable(f) {
		t.Errorf("a file is a terminal of %d columns", width)
	}
}
