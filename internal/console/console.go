// Package console formats text for people: with colours where they are wanted, and in such a
// way that text from elsewhere cannot control the terminal.
package console

import (
	"io"
	"os"
	"strings"
	"unicode"

	"golang.org/x/term"
)

// DefaultWidth is the number of columns if the width of the output is not known.
const DefaultWidth = 80

// Terminal reports whether w is a terminal, and its number of columns. If the number is not
// known, it returns [DefaultWidth].
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

// Capable reports whether w is a terminal that understands escape sequences.
func Capable(w io.Writer) bool {
	_, ok := Terminal(w)
	return ok && os.Getenv("TERM") != "dumb"
}

// Palette colours text. The zero Palette leaves text unchanged.
type Palette struct{ on bool }

// PaletteFor returns the Palette for output to w. It has colours only if w is a terminal and
// the environment variable NO_COLOR is not set (https://no-color.org).
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

// Visible makes a text from an untrusted source safe for a terminal. Invalid UTF-8 and all
// characters that are not graphic become U+FFFD, including those that begin escape sequences or
// change the direction of writing. Line breaks, tabs and the joiners of scripts and emoji are
// kept.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r == '\u200c' || r == '\u200d' || unicode.IsGraphic(r) {
			return r
		}
		return unicode.ReplacementChar
	}, strings.ReplaceAll(s, "\r\n", "\n"))
}

// Line is like [Visible], but also replaces line breaks and tabs with spaces.
func Line(s string) string {
	return strings.NewReplacer("\n", " ", "\t", " ").Replace(Visible(s))
}
