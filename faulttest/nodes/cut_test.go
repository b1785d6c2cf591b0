package nodes

import (
	"fmt"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestLostReplies is case 6: connections are cut between a statement and its reply, or before the statement.
// Every event is stored once, and delivered once.
func TestLostReplies(t *testing.T) {
	f := newFleet(t, 0, 6)
	without, with := f.startPair()
	with.serving.Store(false)
	for round, n := range []*node{without, with} {
		without.serving.Store(n == without)
		with.serving.Store(n == with)
		p := n.proxies[0]
		// the events of these users are parameters of the statements
		swallowed, lost := p.SwallowReplyOf(f.list[0].name), p.LoseRequest(f.list[1].name)
		f.start()
		f.untilLost(round, swallowed, lost)
		f.stop()
		// the notes about what was delivered
		noted, unnoted := p.SwallowReplyOf("note AS MATERIALIZED"), p.LoseRequest("note AS MATERIALIZED")
		f.start()
		f.untilLost(round, noted, unnoted)
		f.more(30, nil)
		f.stop()
	}
	with.serving.Store(true)
	without.serving.Store(true)
	f.sendAll(1)
	f.settle(allowed{spool: true})
	delivered := make(map[event]bool)
	for _, x := range f.backend.arrivals() {
		delivered[event{x.user, x.n}] = true
	}
	if stored := f.primary.Query("SELECT count(*) FROM tim_callback.event"); stored != fmt.Sprint(len(delivered)) {
		t.Errorf("%s events are stored, %d were delivered", stored, len(delivered))
	}
}

func (f *fleet) untilLost(round int, what ...<-chan struct{}) {
	f.t.Helper()
	for i, done := range what {
		select {
		case <-done:
		case <-time.After(30 * time.Second):
			f.t.Fatalf("round %d: %d is not lost", round, i)
		}
	}
}

// TestCutOff is case 9: a node that is cut off from the database stops delivering within the lease, and another
// one delivers its events.
func TestCutOff(t *testing.T) {
	needLong(t)
	f := newFleet(t, 0, 30)
	f.backend.delay = 20 * time.Millisecond
	f.backend.set(slow)
	nodes := f.startNodes("a", "b")
	a := nodes[0]
	f.pause = 60 * time.Millisecond
	f.start()
	f.more(300, nil)
	for _, p := range a.proxies {
		p.Freeze()
	}
	frozen := time.Now()
	a.serving.Store(false)
	end := frozen.Add(a.lease)
	of := func(name string) func(*arrival) bool {
		return func(x *arrival) bool { return x.node == name+"/1" && x.at.After(end) }
	}
	time.Sleep(time.Until(end))
	caddytest.Eventually(t, func() bool { return f.backend.count(of("b")) > 100 }, "b goes on")
	f.more(300, nil)
	const slack = 300 * time.Millisecond // for what was sent before, on a busy machine
	for _, x := range f.backend.arrivals() {
		if late := x.at.Sub(end); x.node == "a/1" && late > slack {
			t.Errorf("%s %d is delivered by the node that is cut off, %s after its lease has ended", x.user, x.n, late)
		}
	}
	for _, u := range f.list { // also those whose lanes were a's
		u := u.name
		caddytest.Eventually(t, func() bool {
			return f.backend.count(func(x *arrival) bool { return x.user == u && x.node == "b/1" && x.at.After(end) }) > 0
		}, "b delivers the events of %s", u)
	}
	for _, p := range a.proxies {
		p.Thaw()
	}
	a.serving.Store(true)
	a.untilOwns(2)
	f.more(100, nil)
	f.settle(allowed{spool: true, again: len(f.list)})
}
