package nodes

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestNodeComesAndGoes is case 10: a node is added under load, gets its share, and goes again. Nobody waits for
// long, and order is kept.
func TestNodeComesAndGoes(t *testing.T) {
	needLong(t)
	f := newFleet(t, 0, 20)
	for _, name := range []string{"a", "b", "c"} {
		f.node(name).lease = 10 * time.Second
	}
	c := f.nodes[2]
	for _, n := range f.nodes[:2] {
		n.start()
	}
	f.start()
	for round := range 2 {
		f.even(f.nodes[:2]...)
		f.more(200, nil)
		c.start()
		f.even(f.nodes...)
		f.more(200, nil)
		if round == 0 {
			c.stop()
			continue
		}
		f.nodes[0].stop()
		f.even(f.nodes[1:]...)
		f.more(200, nil)
	}
	f.settle(allowed{late: 3 * time.Second})
	f.mustRefuseNone()
}

// even waits until each of the nodes delivers a fair share of the partitions.
func (f *fleet) even(nodes ...*node) {
	f.t.Helper()
	shares := make([]int, len(nodes))
	caddytest.Within(f.t, 30*time.Second, func() bool {
		sum, least := 0, 64
		for i, n := range nodes {
			state, err := n.state()
			if err != nil || state.Node == nil || state.Node.Nodes != len(nodes) {
				return false
			}
			shares[i] = state.Node.Partitions
			sum, least = sum+shares[i], min(least, shares[i])
		}
		return sum == 64 && least > 64/len(nodes)/3
	}, "the partitions are spread: %v", &shares)
}

// TestFull is case 13: max_events holds for both nodes together. Beyond it they answer 503, but duplicates OK,
// and when dead letters were dropped there is room again.
func TestFull(t *testing.T) {
	f := newFleet(t, 0, 34)
	a, b := f.node("a"), f.node("b")
	for _, n := range f.nodes {
		n.more, n.spool = "max_events 20", "spool off"
		n.start()
	}
	a.untilOwns(2)
	b.untilOwns(2)
	refused, taken := f.list[:4], f.list[4:10] // few, so that the backend does not count as down
	for _, u := range refused {
		f.backend.setOf(u.name, refuse)
	}
	for _, u := range refused {
		f.send(u)
	}
	// an event becomes a dead letter only while the backend takes others
	caddytest.Within(t, 30*time.Second, func() bool {
		for _, u := range taken {
			f.send(u)
		}
		state, err := a.state()
		return err == nil && state.Dead == 4
	}, "there are dead letters")
	a.untilIdle()
	f.backend.set(down)
	waiting := f.list[10:26]
	for _, u := range waiting {
		if got := f.send(u); !got.isOK() {
			t.Errorf("%s is not stored: %d", u.name, got.status)
		}
	}
	for i, n := range f.nodes {
		over := f.list[30+i]
		if got, err := f.sendTo(n, 1, bodyOf(over.name, 1)); err != nil || got.isOK() {
			t.Errorf("node %s has stored more than max_events: %v", n.name, err)
		}
		for _, u := range []*user{waiting[0], refused[0]} {
			if got, err := f.sendTo(n, 1, bodyOf(u.name, 1)); err != nil || !got.isOK() {
				t.Errorf("node %s has not answered OK to a duplicate of %s: %d %v", n.name, u.name, got.status, err)
			}
		}
	}
	if n, err := b.api().Change(adminapi.Drop, "default", adminapi.Selection{All: true}); n != 4 || err != nil {
		t.Errorf("dropped %d, %v", n, err)
	}
	for _, u := range refused {
		u.sent = nil // they were dropped
	}
	for _, u := range f.list[30:34] {
		if got := f.send(u); !got.isOK() {
			t.Errorf("%s is not stored after there was room again: %d", u.name, got.status)
		}
	}
	if got, err := f.sendTo(a, 2, bodyOf(f.list[0].name, 2)); err != nil || got.isOK() {
		t.Errorf("more than max_events is stored: %v", err)
	}
	f.backend.set(up)
	f.settle(allowed{})
}
