package queues

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
)

func TestNoteDown(t *testing.T) {
	q := new(Queue)
	told := 0
	o := q.noteDown(delivery.Observer{Down: func() { told++ }, Up: func(time.Duration) { told++ }})
	if !q.down().IsZero() {
		t.Error("it is down at first")
	}
	o.Down()
	if since := time.Since(q.down()); since < 0 || since > time.Minute {
		t.Errorf("it is down since %s", since)
	}
	o.Up(time.Second)
	if !q.down().IsZero() || told != 2 {
		t.Errorf("%v, told %d times", q.down(), told)
	}
	q.noteDown(delivery.Observer{}).Down()
}
