package nodes

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestCancelledWait is case 5: a commit that waits for a standby is cancelled, after which PostgreSQL shows its
// events although no standby has them. The callback is not answered OK, nor is it when it is sent again
// to any node, before a standby has it.
func TestCancelledWait(t *testing.T) {
	needLong(t) // tests of the store itself have the same in short
	f := newFleet(t, 2, 4)
	a, b := f.node("a"), f.node("b")
	for _, n := range f.nodes {
		n.spool = "spool off"
		n.start()
	}
	a.untilOwns(2)
	b.untilOwns(2)
	f.sendAll(1)
	for _, s := range f.standbys {
		s.Pause()
	}
	stop := f.cancelWaits()
	for _, u := range f.list[:3] {
		for _, n := range []*node{a, b, a} {
			if got, err := f.sendTo(n, 2, bodyOf(u.name, 2)); err == nil && got.isOK() {
				t.Errorf("node %s has answered OK to %s, and no standby has it", n.name, u.name)
			}
		}
	}
	visible := f.primary.Query("SELECT count(*) FROM tim_callback.event")
	stop()
	if visible == "4" {
		t.Error("the primary shows none of the events whose wait was cancelled: the test shows nothing")
	}
	// now one of them is answered OK, once a standby has it
	for _, s := range f.standbys {
		s.Resume()
	}
	var given answer
	caddytest.Eventually(t, func() bool {
		got, err := f.sendTo(b, 2, bodyOf(f.list[0].name, 2))
		given = got
		return err == nil && got.isOK()
	}, "it is answered OK again")
	f.list[0].sent, f.list[0].last = append(f.list[0].sent, given), 2
	f.primary.Kill()
	f.promote()
	for _, u := range f.list[1:] {
		u.last = 2 // nobody knows whether this one is stored
	}
	caddytest.Eventually(t, func() bool { return f.send(f.list[3]).isOK() }, "the new primary is used")
	f.settle(allowed{again: 2 * len(f.list)})
}

// cancelWaits cancels every wait for a standby, again and again until it is stopped.
func (f *fleet) cancelWaits() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	primary := f.primary
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(50 * time.Millisecond):
			}
			_, _ = primary.Try(f.t.Context(), "postgres", "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'")
		}
	}()
	return func() { close(done); <-ended }
}
