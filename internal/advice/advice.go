// Package advice says in one line what the fate of a callback means and what to do about it.
package advice

import (
	"fmt"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Event is an event that a queue has.
type Event struct {
	Queue, ID string
	State     queue.State
	Attempts  int
	LastError string
	Wait      time.Duration // until the next attempt; not above 0 if the event is due
}

// Callback is a callback that was answered.
type Callback struct {
	Result    string // ok, or why it was not
	Undecided bool
	Duplicate bool
	Queue     string // that was asked to store it; "" if none was
	State     string // of its delivery, as far as it is known: waiting, retried, delivered, dead or ""
	LastError string // of its delivery
}

// Advice is what there is to say.
type Advice struct {
	key  string
	args []any

	// Command is what helps, to be run where Caddy runs; "" if no command does.
	Command string
}

// Language is a language of an advice.
type Language int

// These are all languages.
const (
	English Language = iota
	Chinese
)

// Format says how an advice is written. All members are needed.
type Format struct {
	Language Language
	Text     func(string) string        // makes a text of others safe to show
	Span     func(time.Duration) string // writes a duration
}

// In returns the line.
func (a Advice) In(f Format) string {
	text := texts[a.key][f.Language]
	if len(a.args) == 0 {
		return text
	}
	args := make([]any, len(a.args))
	for n, arg := range a.args {
		switch arg := arg.(type) {
		case string:
			args[n] = f.Text(arg)
		case time.Duration:
			args[n] = f.Span(arg)
		default:
			args[n] = arg
		}
	}
	return fmt.Sprintf(text, args...)
}

// Never is about a user, group or ID of which nothing is known.
func Never() Advice { return Advice{key: "never"} }

// UnknownID is about an ID of which nothing is known.
func UnknownID() Advice { return Advice{key: "unknown_id"} }

// OnEvent is about an event that a queue has.
func OnEvent(e Event) Advice {
	switch e.State {
	case queue.DeadLetter:
		key := "dead_outage"
		if isRefusal(e.LastError) {
			key = "dead_refused"
		}
		return Advice{key, []any{e.LastError}, replay(e)}
	case queue.Delivered:
		return Advice{key: "delivered", Command: replay(e)}
	case queue.InFlight:
		return Advice{key: "in_flight"}
	}
	switch {
	case e.Attempts == 0:
		return Advice{key: "waiting"}
	case e.Wait <= 0:
		return Advice{key: "retry_now", args: []any{e.Attempts, e.LastError}}
	}
	return Advice{key: "retry", args: []any{e.Attempts, e.LastError, e.Wait}}
}

// isRefusal reports whether an attempt failed since the backend did not want the event.
func isRefusal(lastError string) bool {
	return strings.HasPrefix(lastError, "4") || strings.HasPrefix(lastError, "3") || strings.Contains(lastError, "ActionStatus FAIL")
}

// replay is the command that delivers an event again. There is none for an ID that no event
// gets from this module.
func replay(e Event) string {
	if e.ID == "" || ShellWord(e.ID) != e.ID || strings.HasPrefix(e.ID, "-") {
		return ""
	}
	return "caddy tim-callback queue replay --queue " + ShellWord(e.Queue) + " " + e.ID
}

// ShellWord returns a word as a POSIX shell takes it.
func ShellWord(s string) string {
	if s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:") == "" {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// OnCallback is about a callback whose event no queue has, or of which there is no event.
func OnCallback(c Callback) Advice {
	switch {
	case c.Undecided:
		return Advice{key: "undecided"}
	case c.Result != "ok":
		return Advice{key: c.Result}
	case c.State == "delivered":
		return Advice{key: "delivered_gone"}
	case c.State == "dead":
		return Advice{key: "dropped", args: []any{c.LastError}}
	case c.State != "":
		return Advice{key: "left"}
	case c.Duplicate:
		return Advice{key: "duplicate"}
	case c.Queue != "":
		return Advice{key: "left"}
	}
	return Advice{key: "ok"}
}
