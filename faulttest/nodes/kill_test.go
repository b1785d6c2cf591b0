package nodes

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestKill is case 7: a node is killed while it delivers. The others go on with its users soon after its
// lease has ended, and no more is delivered twice than the node had workers.
func TestKill(t *testing.T) {
	f := newFleet(t, 0, 30)
	f.backend.delay = 30 * time.Millisecond
	f.pause = 150 * time.Millisecond
	f.backend.set(slow)
	a, b := f.node("a"), f.node("b")
	if isLong() {
		a.lease, b.lease = 10*time.Second, 10*time.Second
	}
	for _, n := range f.nodes {
		n.start()
	}
	for _, n := range f.nodes {
		n.untilOwns(2)
	}
	f.start()
	f.more(300, nil)
	caddytest.Eventually(t, func() bool {
		return f.backend.count(func(x *arrival) bool { return x.node == "a/1" && !x.wasTaken() }) > 3
	}, "a delivers")
	a.kill()
	killed := time.Now()
	limit := a.lease + 5*time.Second
	for _, u := range f.list {
		name := u.name
		caddytest.Within(t, time.Until(killed.Add(limit)), func() bool {
			return f.backend.count(func(x *arrival) bool { return x.user == name && x.at.After(killed) && x.wasTaken() }) > 0
		}, "%s goes on", name)
	}
	t.Logf("all users have gone on after %s", time.Since(killed))
	f.settle(allowed{again: a.workers})
}

// TestPause is case 8: a node is stopped where it is for longer than its lease, while it delivers. The
// backend takes its events meanwhile, but the node learns of that only when it goes on. Its notes are rejected: the
// events still wait, since another node owns them.
func TestPause(t *testing.T) {
	needLong(t)
	f := newFleet(t, 0, 16)
	a, b := f.node("a"), f.node("b")
	for _, n := range f.nodes {
		n.timeout = "1m"
		n.start()
	}
	a.untilOwns(2)
	b.untilOwns(2)
	f.backend.set(hang)
	f.sendAll(1)
	caddytest.Eventually(t, func() bool { return f.backend.opened() > len(f.list)/2 }, "they deliver")
	a.serving.Store(false)
	a.pause()
	f.backend.setOf("a/1", up)
	caddytest.Eventually(t, func() bool {
		return f.backend.count(func(x *arrival) bool { return x.node == "a/1" && !x.wasTaken() }) == 0
	}, "the backend takes what a delivers")
	var taken []event // as the backend sees it
	for _, x := range f.backend.arrivals() {
		if x.node == "a/1" {
			taken = append(taken, event{x.user, x.n})
		}
	}
	f.backend.set(down) // for b
	of := func(e event, name string, since time.Time) bool {
		return f.backend.count(func(x *arrival) bool { return x.user == e.user && x.n == e.n && x.node == name && x.at.After(since) }) > 0
	}
	b.untilAll()
	a.resume()
	resumed := time.Now()
	a.untilOwns(2)
	f.backend.set(up)
	for _, e := range taken {
		caddytest.Eventually(t, func() bool { return of(e, "a/1", resumed) || of(e, "b/1", resumed) }, "%v still waits, and is delivered again", e)
	}
	a.serving.Store(true)
	f.sendAll(2)
	// what was on its way when the node was stopped may have arrived after it was counted
	atMost := make(map[event]bool)
	for _, x := range f.backend.arrivals() {
		if x.node == "a/1" && x.at.Before(resumed) {
			atMost[event{x.user, x.n}] = true
		}
	}
	f.settle(allowed{again: len(atMost)})
	if len(taken) == 0 {
		t.Error("a has delivered nothing: the test shows nothing")
	}
}
