package recent

import (
	"strings"
	"testing"
	"time"
)

// last returns what is known about the delivery of the newest callback.
func last(r *Ring) Delivery {
	if d := r.Before(0, &Filter{}, 1)[0].Delivery; d != nil {
		return *d
	}
	return Delivery{}
}

func attempt(c *Callback, state State, attempts int, at time.Time) Attempt {
	return Attempt{Queue: "default", EventID: string(c.ID), Delivery: Delivery{State: state, Attempts: attempts, LastError: strings.Repeat("x", 300), Last: at}}
}

func TestAttempted(t *testing.T) {
	r := NewRing(3)
	c := answered(1)
	r.Add(c)
	later := c.Began.Add(time.Second)
	for n, state := range []State{Retried, Dead, Delivered} {
		r.Attempted(attempt(c, state, n+1, later))
		if d := last(r); d.State != state || d.Attempts != n+1 || len(d.LastError) != MaxText || !d.Last.Equal(later) {
			t.Errorf("%+v", d)
		}
	}
	other := attempt(c, Dead, 9, later)
	other.Queue = "other"
	r.Attempted(other)
	if d := last(r); d.State != Delivered {
		t.Errorf("after an attempt of another queue: %+v", d)
	}

	again := *c
	again.Stored, again.Duplicate = false, true
	r.Add(&again)
	if d := last(r); d.State != Delivered {
		t.Errorf("a duplicate: %+v", d)
	}
	r.Attempted(attempt(c, Dead, 5, later))
	for _, e := range r.Before(0, &Filter{}, 9) {
		if e.Delivery.State != Dead {
			t.Errorf("%+v", e.Delivery)
		}
	}

	unknown := answered(2)
	unknown.Stored, unknown.Duplicate = false, true
	r.Add(unknown)
	if d := last(r); d.State != "" {
		t.Errorf("a duplicate of which nothing is known: %+v", d)
	}
	failed := answered(3)
	failed.Stored, failed.Result = false, QueueError
	r.Add(failed)
	if d := last(r); d.State != "" {
		t.Errorf("what was not stored: %+v", d)
	}
}

// TestAttemptedEarly has attempts that end before the callback is answered.
func TestAttemptedEarly(t *testing.T) {
	r := NewRing(3)
	c := answered(1)
	r.Attempted(attempt(c, Delivered, 1, c.Began.Add(time.Millisecond)))
	r.Add(c)
	if d := last(r); d.State != Delivered {
		t.Errorf("%+v", d)
	}
	again := *c // when the queue has forgotten it
	again.Began = c.Began.Add(time.Hour)
	r.Add(&again)
	if d := last(r); d.State != Waiting {
		t.Errorf("stored anew: %+v", d)
	}
	old := answered(2)
	r.Attempted(attempt(old, Delivered, 1, old.Began.Add(-time.Hour)))
	r.Add(old)
	if d := last(r); d.State != Waiting {
		t.Errorf("an attempt of long ago: %+v", d)
	}
}
