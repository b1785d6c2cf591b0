package command

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/advice"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/internal/finder"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// teller writes stories for people. Texts of others cannot leave their lines, or colour them.
type teller struct {
	palette console.Palette
	now     time.Time
	text    strings.Builder
}

func newTeller(out io.Writer, now time.Time) *teller {
	return &teller{palette: console.PaletteFor(out), now: now}
}

// tell returns everything that was found.
func (t *teller) tell(wanted string, found *finder.Found) string {
	for n := range found.Stories {
		if n > 0 {
			t.text.WriteString("\n")
		}
		t.story(&found.Stories[n])
	}
	if found.Older > 0 {
		t.printf("\nOlder stories that are not shown: %d. --limit 0 shows all.\n", found.Older)
	}
	if found.Truncated {
		t.printf("\nThere are more callbacks than were looked at: --since chooses the newer ones.\n")
	}
	if len(found.Stories) == 0 {
		never := advice.Never().In(advice.Format{Text: console.Line, Span: span})
		t.printf("Nothing is known about %s.\n%s\n", console.Line(wanted), never)
	}
	switch {
	case found.Forgets:
		t.printf("\nThis Caddy remembers no callbacks: the configuration has no tim_callback, or it has the option recent 0.\n")
	case len(found.Stories) == 0 && found.RememberedSince != nil:
		t.printf("This Caddy remembers callbacks since %s.\n", t.at(*found.RememberedSince))
	case len(found.Stories) == 0:
		t.printf("No callback has come to this Caddy since it was started.\n")
	}
	if len(found.Unnamed) > 0 {
		t.printf("\nCallbacks of which the user is not known:\n")
	}
	for _, u := range found.Unnamed {
		t.unnamed(&u)
	}
	return t.text.String()
}

func (t *teller) printf(format string, args ...any) { fmt.Fprintf(&t.text, format, args...) }

// line writes what happened at a time.
func (t *teller) line(at time.Time, what string) {
	t.printf("  %s  %s\n", t.palette.Faint(t.at(at)), what)
}

// at returns a time of this day as a time, and any other one with its day.
func (t *teller) at(at time.Time) string {
	at, now := at.Local(), t.now.Local()
	if at.YearDay() == now.YearDay() && at.Year() == now.Year() {
		return at.Format("15:04:05.000")
	}
	return at.Format("2006-01-02 15:04:05.000")
}

func (t *teller) story(s *finder.Story) {
	title := []string{t.palette.Strong(console.Line(s.Subject)), console.Line(s.Command), console.Line(s.ID), t.paint(s.State)(console.Line(s.State))}
	t.text.WriteString(strings.Join(slices.DeleteFunc(title, func(part string) bool { return part == "" }), "  ") + "\n")
	for _, c := range slices.Backward(s.Callbacks) {
		t.line(c.Time, answered(&c))
	}
	if e := s.Event; e != nil {
		if len(s.Callbacks) == 0 {
			t.line(e.Received, "stored in queue "+console.Line(s.Queue))
		}
		t.event(e)
	} else if len(s.Callbacks) > 0 {
		t.delivery(s.Callbacks)
	}
	t.printf("  %s\n", s.Advice)
	if s.Run != "" {
		t.printf("  %s\n", t.palette.Strong(s.Run))
	}
}

// answered says how a callback was answered.
func answered(c *adminapi.Callback) string {
	var parts []string
	result := recent.Result(c.Result)
	switch {
	case slices.Contains(callback.Reasons(), callback.Reason(c.Result)):
		parts = append(parts, fmt.Sprintf("refused with %d: %s", c.Status, c.Result))
	case result == recent.Passed:
		parts = append(parts, fmt.Sprintf("left to the next handlers, which have answered %d", c.Status))
	default:
		parts = append(parts, fmt.Sprintf("answered %d in %s: %s", c.Status, took(c.TookMS), c.Result))
	}
	if c.Detail != "" {
		parts = append(parts, console.Line(c.Detail))
	}
	if c.Undecided {
		parts = append(parts, "undecided")
	}
	switch {
	case c.Duplicate:
		parts = append(parts, "queue "+console.Line(c.Queue)+" knew it already")
	case c.Queue != "" && result == recent.OK:
		parts = append(parts, "stored in queue "+console.Line(c.Queue))
	case c.Queue != "":
		parts = append(parts, "queue "+console.Line(c.Queue)+" was asked to store it")
	}
	return strings.Join(append(parts, "sent by "+console.Line(c.ClientIP)), ", ")
}

// event tells of the attempts, and how things are now.
func (t *teller) event(e *adminapi.Event) {
	if earlier := e.Attempts - len(e.History); earlier > 0 && len(e.History) > 0 {
		t.printf("  %s\n", counted(earlier, "earlier attempt"))
	}
	for _, a := range e.History {
		what := "attempt: delivered"
		if a.Error != "" {
			what = "attempt failed: " + console.Line(a.Error)
		}
		what += fmt.Sprintf(" (%s)", took(a.Took*1000))
		if a.Answer != "" {
			what += ": " + console.Line(a.Answer)
		}
		t.line(a.At, what)
	}
	switch queue.State(e.State) {
	case queue.DeadLetter:
		if e.LastAttempt != nil {
			t.line(*e.LastAttempt, "became a dead letter after "+counted(e.Attempts, "attempt"))
		}
	case queue.Delivered:
		if e.Delivered != nil {
			t.line(*e.Delivered, "was delivered")
		}
	case queue.Waiting:
		if e.NextAttempt != nil {
			t.line(*e.NextAttempt, "next attempt")
		}
	}
	if len(e.Event) > 0 {
		t.printf("  %s\n", console.VisibleJSON(e.Event))
	}
}

// delivery tells of an event that no queue has, as far as Caddy remembers.
func (t *teller) delivery(callbacks []adminapi.Callback) {
	for _, c := range callbacks {
		d := c.Delivery
		if d == nil || d.LastAttempt == nil {
			continue
		}
		what := console.Line(d.State) + " after " + counted(d.Attempts, "attempt")
		if d.LastError != "" {
			what += ": " + console.Line(d.LastError)
		}
		t.line(*d.LastAttempt, what)
		return
	}
}

func (t *teller) unnamed(u *finder.Unnamed) {
	t.printf("  %d %s, the last one at %s by %s", u.Count, t.paint(u.Result)(console.Line(u.Result)), t.at(u.Last.Time), console.Line(u.Last.ClientIP))
	for _, more := range []string{u.Last.Command, u.Last.Detail} {
		if more != "" {
			t.printf(", %s", console.Line(more))
		}
	}
	t.printf("\n    %s\n", u.Advice)
}

// paint returns how a state is painted.
func (t *teller) paint(state string) func(string) string {
	switch state {
	case string(queue.Delivered), string(recent.OK):
		return t.palette.Good
	case string(queue.DeadLetter), string(recent.UpstreamError), string(recent.UpstreamTimeout), string(recent.QueueError):
		return t.palette.Bad
	}
	return t.palette.Doubt
}
