package simulator

import (
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// Tally counts what came of callbacks. The zero Tally is ready, and safe for
// concurrent use.
type Tally struct {
	mu           sync.Mutex
	began, ended time.Time
	sent, taken  int
	saidFail     int
	connections  int
	failures     map[tencent.Failure]*FailureCount
	answers      histogram
	last         Attempt
}

// FailureCount is how often answers failed in one way.
type FailureCount struct {
	Count   int    `json:"count"`
	Example string `json:"example"` // the first one's detail
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
	failure := a.Verdict.Failure
	// what Tencent would not have waited for took at least that long; a connection
	// that failed says nothing about answers
	if a.Exchange.Err == nil || failure == tencent.FailTimeout {
		t.answers.add(a.Exchange.Took)
	}
	if failure == tencent.Taken {
		t.taken++
		if a.Verdict.Answer.ActionStatus == profile.StatusFail {
			t.saidFail++
		}
		return
	}
	if t.failures == nil {
		t.failures = make(map[tencent.Failure]*FailureCount)
	}
	if t.failures[failure] == nil {
		t.failures[failure] = &FailureCount{Example: a.Verdict.Detail}
	}
	t.failures[failure].Count++
}
