package simulator

import (
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

// Tally counts the outcomes of callbacks. The zero Tally is ready for use. It is safe for
// concurrent use.
type Tally struct {
	mu           sync.Mutex
	began, ended time.Time
	sent, taken  int
	saidFail     int
	connections  int
	failures     map[tencent.Failure]*FailureCount
	commands     map[string]*CommandCount
	answers      histogram
	last         Attempt
}

// FailureCount says how often a failure occurred.
type FailureCount struct {
	Count   int    `json:"count"`
	Example string `json:"example"` // the detail of the first one
}

// CommandCount says how the callbacks of one command were answered.
type CommandCount struct {
	Sent    int    `json:"sent"`
	Taken   int    `json:"taken"`             // callbacks whose answer Tencent would accept
	Example string `json:"example,omitempty"` // the detail of the first failure
}

func (t *Tally) start() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.began = time.Now()
}

func (t *Tally) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = time.Now()
}

func (t *Tally) add(a Attempt) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sent++
	t.last = a
	if a.Exchange.Connected && !a.Exchange.Reused {
		t.connections++
	}
	if t.commands == nil {
		t.commands = make(map[string]*CommandCount)
	}
	command := t.commands[a.Command]
	if command == nil {
		command = new(CommandCount)
		t.commands[a.Command] = command
	}
	command.Sent++
	failure := a.Verdict.Failure
	// an answer that timed out took at least as long as the time-out; a connection that
	// failed says nothing about how long answers take
	if a.Exchange.Err == nil || failure == tencent.FailTimeout {
		t.answers.add(a.Exchange.Took)
	}
	if failure == tencent.Taken {
		t.taken++
		command.Taken++
		if a.Verdict.Answer.ActionStatus == callback.StatusFail {
			t.saidFail++
		}
		return
	}
	if command.Example == "" {
		command.Example = a.Verdict.Detail
	}
	if t.failures == nil {
		t.failures = make(map[tencent.Failure]*FailureCount)
	}
	if t.failures[failure] == nil {
		t.failures[failure] = &FailureCount{Example: a.Verdict.Detail}
	}
	t.failures[failure].Count++
}
