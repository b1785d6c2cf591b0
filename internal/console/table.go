package console

import (
	"bufio"
	"io"
	"strings"
)

// Column is a column of a [Table].
type Column struct {
	Title string
	Right bool // align to the right, for numbers
	Spare bool // leave out the column if the table is too wide
	Least int  // the width to which the column may be cut if the table is too wide; 0: do not cut
	Tail  bool // cut off the beginning instead of the end of a cell
}

// Table prints rows in columns. It can be printed in parts: cells that are too wide for a
// column make it wider for this part and later ones.
type Table struct {
	out     io.Writer
	width   int // the largest width; 0 if there is no limit
	columns []Column
	widths  []int // the width of each column; 0 if the column is left out
}

const gap = 2 // columns of a terminal between two columns of the table

// NewTable returns a table that is printed to out. If out is a terminal, the table is cut to its
// width. Otherwise nothing is cut or left out.
func NewTable(out io.Writer, columns ...Column) *Table {
	t := &Table{out: out, columns: columns}
	if width, ok := Terminal(out); ok {
		t.width = width
	}
	return t
}

// Print prints rows. The first call also prints the titles. Each row must have a cell for each
// column. Print changes the cells: they are passed through [Line], and an empty cell becomes
// "-". It returns an error if writing fails.
func (t *Table) Print(rows [][]string) error {
	for _, row := range rows {
		for i, cell := range row {
			if row[i] = Line(cell); cell == "" {
				row[i] = "-"
			}
		}
	}
	if t.widths == nil {
		titles := make([]string, len(t.columns))
		t.widths = make([]int, len(t.columns))
		for i, c := range t.columns {
			titles[i] = c.Title
		}
		rows = append([][]string{titles}, rows...)
		t.widen(rows, true)
	} else {
		t.widen(rows, false)
	}
	out := bufio.NewWriter(t.out)
	for _, row := range rows {
		out.WriteString(t.line(row))
	}
	return out.Flush()
}

// widen makes the columns wide enough for rows, within the width of the table.
func (t *Table) widen(rows [][]string, first bool) {
	for i := range t.columns {
		if !first && t.widths[i] == 0 {
			continue
		}
		for _, row := range rows {
			t.widths[i] = max(t.widths[i], Width(row[i]))
		}
	}
	if t.width == 0 {
		return
	}
	for i, c := range t.columns {
		if c.Spare && t.excess() > 0 {
			t.widths[i] = 0
		}
	}
	for i := len(t.columns) - 1; i >= 0; i-- {
		if c := t.columns[i]; c.Least > 0 && t.widths[i] > 0 {
			t.widths[i] -= min(max(t.excess(), 0), max(t.widths[i]-c.Least, 0))
		}
	}
}

// excess returns by how many columns of the terminal the lines are too long.
func (t *Table) excess() int {
	n := -gap
	for _, w := range t.widths {
		if w > 0 {
			n += w + gap
		}
	}
	return n - t.width
}

func (t *Table) line(row []string) string {
	var line strings.Builder
	for i, c := range t.columns {
		if t.widths[i] == 0 {
			continue
		}
		cell := row[i]
		if c.Least > 0 && t.width > 0 {
			cell = Cut(cell, t.widths[i], c.Tail)
		}
		padding := strings.Repeat(" ", max(t.widths[i]-Width(cell), 0))
		if c.Right {
			line.WriteString(padding + cell)
		} else {
			line.WriteString(cell + padding)
		}
		line.WriteString(strings.Repeat(" ", gap))
	}
	return strings.TrimRight(line.String(), " ") + "\n"
}
