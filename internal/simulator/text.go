package simulator

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

// maxShown is how many bytes of an answer's body are shown to people.
const maxShown = 2000

// WriteText writes the report for people: the whole exchange if there was one callback, and a
// summary if there were several.
func (r *Report) WriteText(w io.Writer, p console.Palette) error {
	t := &text{Palette: p}
	if r.Callback != nil {
		t.callback(r.Callback)
	} else {
		t.summary(r)
	}
	_, err := io.WriteString(w, t.String())
	return err
}

type text struct {
	strings.Builder
	console.Palette
}

func (t *text) line(format string, args ...any) { fmt.Fprintf(t, format+"\n", args...) }

// wrapped writes a coloured mark and then s, which may need several lines.
func (t *text) wrapped(paint func(string) string, mark, s string) {
	lines := console.Wrap(mark+" "+console.Line(s), console.DefaultWidth, "  ")
	t.line("%s%s", paint(mark), strings.TrimPrefix(lines, mark))
}

func (t *text) callback(c *CallbackReport) {
	// each parameter has its own line, since all of them together are wider than a terminal
	url, query, _ := strings.Cut(c.Request.URL, "?")
	t.line("%s %s", t.Strong(c.Request.Method), url)
	for i, pair := range strings.Split(query, "&") {
		t.line("  %s", string("?&"[min(i, 1)])+pair)
	}
	t.message(c.Request.Headers, c.Request.Body)
	t.line("")
	if c.Answer != nil {
		t.line("%s after %s", t.Strong(fmt.Sprintf("%s %d %s", c.Answer.Proto, c.Answer.Status, http.StatusText(c.Answer.Status))), duration(c.Millis))
		t.message(c.Answer.Headers, c.Answer.Body)
		t.line("")
	}
	if c.TLS != nil {
		t.wrapped(t.Faint, c.TLS.Version+",", fmt.Sprintf("certificate of %s by %s until %s",
			c.TLS.Certificate, c.TLS.Issuer, c.TLS.Expires.Format(time.DateTime)))
	}
	detail := c.Detail + " (" + string(c.Failure) + ")"
	switch {
	case c.Taken:
		t.line("%s", t.Good("Tencent would accept this answer."))
	case c.Answer == nil:
		t.wrapped(t.Bad, "Tencent would get no answer:", detail)
	default:
		t.wrapped(t.Bad, "Tencent would not accept this answer:", detail)
	}
	for _, note := range c.Notes {
		t.wrapped(t.Doubt, "Note:", note)
	}
}

func (t *text) message(headers map[string]string, body string) {
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		t.line("%s %s", t.Faint(name+":"), console.Line(headers[name]))
	}
	if body == "" {
		return
	}
	rest := ""
	if len(body) > maxShown {
		rest = fmt.Sprintf("\n… and %d more bytes", len(body)-maxShown)
		body = body[:maxShown]
	}
	t.line("\n%s%s", strings.TrimRight(console.Visible(strings.ToValidUTF8(body, "\ufffd")), "\n"), t.Faint(rest))
}

func (t *text) summary(r *Report) {
	connections := "connections"
	if r.Connections == 1 {
		connections = "connection"
	}
	sent := fmt.Sprintf("%d", r.Sent)
	if r.Interrupted {
		sent += fmt.Sprintf(" of %d, then interrupted", r.Requested)
	}
	t.line("sent     %s", sent)
	t.line("in       %s, %.1f per second, over %d %s", duration(r.Seconds*1000), r.PerSecond, r.Connections, connections)
	taken := fmt.Sprintf("%d", r.Taken)
	paint := t.Good
	if !r.AllTaken {
		taken += fmt.Sprintf(" of %d", r.Sent)
		paint = t.Bad
	}
	if r.SaidFail > 0 {
		taken += fmt.Sprintf(", of which %d say %s", r.SaidFail, callback.StatusFail)
	}
	t.line("accepted %s", paint(taken))
	if l := r.Latency; l != nil {
		t.line("latency  p50 %s, p90 %s, p99 %s, max %s", duration(l.P50), duration(l.P90), duration(l.P99), duration(l.Max))
	}
	for _, failure := range tencent.Failures {
		if count, ok := r.Failures[failure]; ok {
			t.wrapped(t.Bad, fmt.Sprintf("%d × %s:", count.Count, failure), count.Example)
		}
	}
	for _, command := range slices.Sorted(maps.Keys(r.Commands)) {
		if c := r.Commands[command]; c.Taken < c.Sent {
			t.wrapped(t.Bad, command+":", fmt.Sprintf("%d of %d not accepted: %s", c.Sent-c.Taken, c.Sent, c.Example))
		}
	}
}

// duration formats milliseconds with about three digits.
func duration(ms float64) string {
	switch {
	case ms >= 1000:
		return fmt.Sprintf("%.2f s", ms/1000)
	case ms >= 100:
		return fmt.Sprintf("%.0f ms", ms)
	case ms >= 10:
		return fmt.Sprintf("%.1f ms", ms)
	}
	return fmt.Sprintf("%.2f ms", ms)
}
