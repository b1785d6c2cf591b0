package faulttest

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

// check compares the events that the backend got with the callbacks that were answered OK, as the
// package's documentation says. again returns whether it is right that an event which the backend had
// taken was sent again. If it is nil, no event may be sent again.
func check(t *testing.T, l *load, b *backend, again func(before, after *arrival) bool) {
	t.Helper()
	type key struct {
		user string
		n    int
	}
	taken := make(map[key]*arrival)
	ids := make(map[string]key)
	idOf := make(map[key]string)
	newest := make(map[string]int) // for each user, the newest event that has arrived
	all, twice := b.arrivals(), 0
	for i := range all {
		a := &all[i]
		k := key{a.subject, a.n}
		if a.n < newest[a.subject] {
			t.Errorf("%s: event %d came after %d", a.subject, a.n, newest[a.subject])
		}
		newest[a.subject] = a.n
		if other, ok := ids[a.id]; ok && other != k {
			t.Errorf("%v and %v have the same ce-id %s", other, k, a.id)
		}
		if id, ok := idOf[k]; ok && id != a.id {
			t.Errorf("%v has the ce-ids %s and %s", k, id, a.id)
		}
		ids[a.id], idOf[k] = k, a.id
		if before := taken[k]; before != nil {
			twice++
			if again == nil || !again(before, a) {
				t.Errorf("%v was taken in run %d and sent again in run %d", k, before.run, a.run)
			}
		}
		if a.taken {
			taken[k] = a
		}
	}
	lost, answered := 0, 0
	for _, u := range l.users {
		answered += len(u.ok)
		for _, n := range u.ok {
			if taken[key{u.name, n}] == nil {
				if lost++; lost <= 10 {
					t.Errorf("%s: event %d was answered OK and never delivered", u.name, n)
				}
			}
		}
	}
	t.Logf("answered OK %d, 503 %d, not answered %d, slowest %s; delivered %d in %d attempts, %d again; lost %d",
		answered, l.refused.Load(), l.unanswered.Load(), time.Duration(l.slowest.Load()).Round(time.Millisecond),
		len(taken), len(all), twice, lost)
	if answered == 0 {
		t.Error("nothing was answered OK: the test shows nothing")
	}
}

// mustEmpty waits until the queue is empty, ends the server, and checks that the file has no events.
func (s *server) mustEmpty() {
	s.t.Helper()
	start := time.Now()
	s.waitUntilEmpty(60 * time.Second)
	drained := time.Since(start)
	s.t.Logf("the queue was empty after %s, and the server ended after %s", drained, s.terminate(15*time.Second))
	if n, err := file.Count(s.path); n != 0 || err != nil {
		s.t.Errorf("the queue's file holds %d events, %v", n, err)
	}
}
