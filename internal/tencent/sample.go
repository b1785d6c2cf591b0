package tencent

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// Event is what the sample body of a callback is about.
type Event struct {
	From    string    // UserID of the user who does something
	To      [2]string // UserIDs of other users
	GroupID string
	Time    time.Time // also tells a message from the next one
}

// SampleBody returns the body of a callback of a command about an event, in the layout of
// Tencent's documents. Bodies of events at different milliseconds differ in everything that
// tells one event from the next. ok is false for a command without a sample.
func SampleBody(command string, e Event) (body []byte, ok bool) {
	sample, ok := samples[command]
	if !ok {
		return nil, false
	}
	// a number of 31 bits, which is what a MsgSeq can be
	sequence := e.Time.UnixMilli()%1_000_000_000 + 1
	text := strings.NewReplacer(
		"{from}", quote(e.From),
		"{to}", quote(e.To[0]),
		"{to2}", quote(e.To[1]),
		"{group}", quote(e.GroupID),
		"{ms}", strconv.FormatInt(e.Time.UnixMilli(), 10),
		"{s}", strconv.FormatInt(e.Time.Unix(), 10),
		"{seq}", strconv.FormatInt(sequence, 10),
	).Replace(sample)
	return []byte("{\n  \"CallbackCommand\": " + quote(command) + "," + text), true
}

func quote(s string) string { return string(callback.AppendQuote(nil, s)) }

// SampleCommands returns the commands of which this program can make a callback, family by
// family.
func SampleCommands() (names []string) {
	for _, c := range callback.Commands() {
		if CanMakeBody(c.Name) == nil {
			names = append(names, c.Name)
		}
	}
	return names
}

// CanMakeBody returns an error if this program cannot make the body of a callback of this
// command, so that a flag with a file is required.
func CanMakeBody(command string) error {
	if _, ok := samples[command]; !ok && command != profile.Command {
		return fmt.Errorf("%s needs a body of your own, since there is no sample of it", command)
	}
	return nil
}
