package command

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

// tailField is a part of a line.
type tailField struct {
	text  string
	least int  // columns, so that the same parts of most lines are below each other
	most  int  // columns in a terminal; 0 if there is no limit
	right bool // align to the right
	paint func(string) string
}

// line returns the line for a callback. Texts of others cannot leave it, or colour it.
func (t *tailer) line(c *adminapi.Callback) string {
	var line strings.Builder
	for n, f := range []tailField{
		{text: c.Time.Local().Format("15:04:05.000"), paint: t.palette.Faint},
		{text: c.Result, least: 10, paint: t.resultPaint(c)},
		{text: c.Command, least: 27, most: 40},
		{text: c.Subject, least: 12, most: 32},
		{text: c.ID[:min(8, len(c.ID))], least: 8},
		{text: strconv.Itoa(c.Status), least: 3},
		{text: took(c.TookMS), least: 7, right: true},
		{text: fate(c)},
	} {
		text := console.Line(f.text)
		if f.text == "" {
			if f.least == 0 {
				continue
			}
			text = "-"
		}
		if t.terminal && f.most > 0 {
			text = console.Cut(text, f.most, false)
		}
		padding := strings.Repeat(" ", max(f.least-console.Width(text), 0))
		if f.paint != nil {
			text = f.paint(text)
		}
		if n > 0 {
			line.WriteString("  ")
		}
		if f.right {
			line.WriteString(padding + text)
		} else {
			line.WriteString(text + padding)
		}
	}
	return strings.TrimRight(line.String(), " ") + "\n"
}

// resultPaint paints refusals, which are mostly due to strangers, otherwise than failures.
func (t *tailer) resultPaint(c *adminapi.Callback) func(string) string {
	switch recent.Result(c.Result) {
	case recent.OK, recent.Passed:
		return t.palette.Good
	case recent.UpstreamError, recent.UpstreamTimeout, recent.QueueError:
		return t.palette.Bad
	}
	return t.palette.Doubt
}

func took(ms float64) string {
	d := time.Duration(ms * float64(time.Millisecond))
	if d < time.Second {
		return fmt.Sprintf("%.1fms", ms)
	}
	return fmt.Sprintf("%.2fs", d.Seconds())
}

// fate says what became of a callback: what is wrong with it, or where it was stored and what the
// attempts to deliver it have come to.
func fate(c *adminapi.Callback) string {
	var parts []string
	add := func(when bool, text string) {
		if when && text != "" {
			parts = append(parts, text)
		}
	}
	refused := slices.Contains(callback.Reasons(), callback.Reason(c.Result))
	add(true, c.Detail)
	add(refused, "from "+c.ClientIP)
	add(c.Undecided, "undecided")
	add(c.Queue != "", "queue "+c.Queue)
	add(c.Duplicate, "duplicate")
	if d := c.Delivery; d != nil {
		text := d.State
		switch {
		case d.Attempts == 1:
			text += " after 1 attempt"
		case d.Attempts > 1:
			text += fmt.Sprintf(" after %d attempts", d.Attempts)
		}
		if d.LastError != "" {
			text += ": " + d.LastError
		}
		add(true, text)
	}
	return strings.Join(parts, ", ")
}
