package simulator

import (
	"sync/atomic"

	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// The users and the group of sample callbacks.
const (
	otherUser = "id2"
	thirdUser = "id3"
	group     = "@TGS#2J4SZEAEL"
)

// Samples returns a function that makes the next callback. The commands, of each of which
// there must be a sample, take turns. from does what the callbacks are about, and the
// time of each event is the next one of clock.
func Samples(commands []string, from string, clock *EventClock) func() (command string, body []byte) {
	e := tencent.Event{From: from, To: [2]string{otherUser, thirdUser}, GroupID: group}
	for i, user := range e.To {
		if user == from {
			e.To[i] = "id1" // nobody writes to himself
		}
	}
	var turn atomic.Uint64
	return func() (string, []byte) {
		command := commands[(turn.Add(1)-1)%uint64(len(commands))]
		e := e
		e.Time = clock.Next()
		if command == profile.Command {
			change := Sample()
			change.From, change.Operator = from, from
			return command, change.Body(e.Time)
		}
		body, _ := tencent.SampleBody(command, e)
		return command, body
	}
}
