package checker

import (
	"fmt"
	"io"
	"strings"

	"golang.org/x/text/width"

	"github.com/d13c7061/caddy-tim-callback/internal/console"
)

// Style says how a report is written for people.
type Style struct {
	Width   int // in columns
	Palette console.Palette
	Brief   bool // cuts off findings that passed after one line
	Verbose bool // lists all findings in full, and why they matter and how to fix them
}

const margin = 6 // width in columns of a mark and the space after it

// mark returns the word for a result, which always has 4 columns.
func (f Finding) mark(p console.Palette) string {
	switch {
	case f.Result == Passed:
		return p.Good("ok  ")
	case f.Result == Skipped:
		return p.Faint("skip")
	case f.Result == NotTold:
		return p.Doubt("?   ")
	case f.Severity == Must:
		return p.Bad("FAIL")
	default:
		return p.Doubt("warn")
	}
}

// Write writes the report as a table for people.
func (r *Report) Write(w io.Writer, style Style) error {
	b := &table{columns: max(style.Width, 4*margin)}
	p := style.Palette
	b.paragraph("", 0, console.Line(r.URL)+" as app "+r.SDKAppID, p.Strong)
	b.WriteByte('\n')
	untold := 0
	for _, f := range r.Findings {
		if f.Result == NotTold && f.Detail == notAccepted && !style.Verbose {
			untold++
			continue
		}
		b.WriteString(f.mark(p) + "  ")
		text := f.Title + ": " + f.Detail
		if f.Result == Passed && style.Brief && !style.Verbose {
			text = firstLine(text, b.columns-margin)
		}
		b.paragraph("", margin, text, nil)
		if f.Result == Failed || style.Verbose {
			b.paragraph("why:  ", margin, f.Why, p.Faint)
			b.paragraph("fix:  ", margin, f.Fix, p.Faint)
		}
	}
	if untold > 0 {
		b.WriteString(Finding{Result: NotTold}.mark(p) + "  ")
		b.paragraph("", margin, fmt.Sprintf("%d more prove nothing, since %s (-v lists them)", untold, notAccepted), nil)
	}
	b.WriteByte('\n')
	b.paragraph("", 0, r.summary(), nil)
	_, err := io.WriteString(w, b.String())
	return err
}

func (r *Report) summary() string {
	counts := fmt.Sprintf("%d ok, %d FAIL, %d warn, %d ?, %d skip.",
		r.Passed, r.Failed, r.Warnings, r.NotTold, r.Skipped)
	switch {
	case r.Failed > 0:
		counts += " With a FAIL, callbacks are lost or forged ones are accepted."
	case r.OK:
		counts += " Nothing that matters failed."
	}
	if r.NotTold > 0 {
		counts += " A ? means that the result is not known: fix the rest and check again."
	}
	return counts
}

// firstLine cuts off a text at the end of its first line.
func firstLine(text string, most int) string {
	lines := wrap(text, most)
	if len(lines) == 1 {
		return text
	}
	return wrap(text, most-1)[0] + "…"
}

// table is a text with at most this number of columns.
type table struct {
	strings.Builder
	columns int
}

// paragraph writes label and text in lines that begin at column indent. Without a label, the
// current line is already at this column.
func (t *table) paragraph(label string, indent int, text string, paint func(string) string) {
	if paint == nil {
		paint = func(s string) string { return s }
	}
	hang := strings.Repeat(" ", indent+len(label))
	if label != "" {
		t.WriteString(strings.Repeat(" ", indent) + paint(label))
	}
	for i, line := range wrap(text, t.columns-len(hang)) {
		if i > 0 {
			t.WriteString(hang)
		}
		t.WriteString(paint(line) + "\n")
	}
}

// wrap breaks a text into lines of at most most columns. It breaks between words, and inside
// words that are longer than a line.
func wrap(text string, most int) []string {
	var lines []string
	line, used := "", 0
	for word := range strings.FieldsSeq(text) {
		if n := columns(word); line != "" && used+1+n <= most {
			line, used = line+" "+word, used+1+n
			continue
		}
		if line != "" {
			lines = append(lines, line)
		}
		line, used = "", 0
		for _, r := range word {
			n := columns(string(r))
			if used+n > most {
				lines = append(lines, line)
				line, used = "", 0
			}
			line, used = line+string(r), used+n
		}
	}
	return append(lines, line)
}

// columns returns the width of s in a terminal. Chinese characters take two columns.
func columns(s string) (n int) {
	for _, r := range s {
		switch width.LookupRune(r).Kind() {
		case width.EastAsianWide, width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}
