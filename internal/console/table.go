package console

import (
	"bufio"
	"io"
	"strings"
)

// Column is a column of a [Table].
type Column struct {
	Title string
	Right bool // aligned at the right, for numbers
	Spare bool // left out where the width does not suffice for all
	Least int  // how short it may be cut where the width does not suffice; 0: it may not be cut
	Tail  bool // cut at the beginning: the end says more
}

// Table prints rows in columns. It can be printed in parts: what does not fit into
// the columns as they are makes them wider from there on.
type Table struct {
	out     io.Writer
	width   int // 0: no limit
	columns []Column
	widths  []int // of columns; 0 is one that is left out
}

const gap = 2 // between columns

// NewTable makes a table. It is fitted into the width of a terminal; elsewhere
// nothing is cut or left out.
func NewTable(out io.Writer, columns ...Column) *Table {
	t := &Table{out: out, columns: columns}
	if width, ok := Terminal(out); ok {
		t.width = width
	}
	return t
}

// Print prints rows, below the titles if they are the first. Each row has a cell
// for each column, which becomes a [Line] and, if it is empty, a "-".
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

// widen makes the columns wide enough for rows, as far as the line allows it.
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

// excess is by how much lines are too long.
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
