// Package console writes for people: with colours where these are wanted, and
// without letting a text from elsewhere take over the terminal.
package console

import (
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// DefaultWidth is how many columns are written where nothing says how many there are.
const DefaultWidth = 80

// Terminal reports whether w is a terminal, and how many columns it has.
func Terminal(w io.Writer) (width int, ok bool) {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return DefaultWidth, false
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil || width <= 0 {
		width = DefaultWidth
	}
	return width, true
}

// Capable reports whether w is a terminal that knows escape sequences.
func Capable(w io.Writer) bool {
	_, ok := Terminal(w)
	return ok && os.Getenv("TERM") != "dumb"
}

// Palette colours text. The zero Palette leaves it as it is.
type Palette struct{ on bool }

// PaletteFor is the Palette for what is written to w: colours only on a terminal,
// and not if the environment has NO_COLOR (https://no-color.org).
func PaletteFor(w io.Writer) Palette {
	return Palette{on: Capable(w) && os.Getenv("NO_COLOR") == ""}
}

func (p Palette) Good(s string) string   { return p.paint("32", s) }
func (p Palette) Bad(s string) string    { return p.paint("31", s) }
func (p Palette) Doubt(s string) string  { return p.paint("33", s) }
func (p Palette) Strong(s string) string { return p.paint("1", s) }
func (p Palette) Faint(s string) string  { return p.paint("2", s) }

func (p Palette) paint(code, s string) string {
	if !p.on || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

// Visible makes what may come from anybody harmless: what is not UTF-8 and what
// is neither printed nor a line break or tab becomes U+FFFD. That includes escape
// sequences and characters that turn the direction of writing; the joiners of scripts and
// emoji stay.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\u200c' || r == '\u200d' || unicode.IsGraphic(r) {
			return r
		}
		return unicode.ReplacementChar
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

// Line is Visible on one line.
func Line(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(Visible(s))
}
