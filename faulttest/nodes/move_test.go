package nodes

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestFileMovesOver is case 15: the events of a queue file move to PostgreSQL when one line of the
// configuration changes, with their attempts and as dead letters, by a restart or a reload.
func TestFileMovesOver(t *testing.T) {
	for _, how := range []string{"restart", "reload"} {
		t.Run(how, func(t *testing.T) {
			f := newFleet(t, 0, 8)
			n := f.fileNode()
			f.sendAll(2) // these are delivered
			n.untilIdle()
			refused, failing := f.list[0], f.list[1]
			f.backend.setOf(refused.name, refuse)
			f.send(refused)
			f.backend.setOf(failing.name, down)
			for range 30 { // the backend must take others, or refusals count as an outage
				f.sendAllBut(refused)
				if state, err := n.state(); err == nil && state.Dead == 1 && state.Waiting > 1 {
					break
				}
				time.Sleep(50 * time.Millisecond)
			}
			n.until(30*time.Second, func(q adminapi.Queue) bool { return q.Dead == 1 && q.Waiting+q.InFlight > 1 }, "one is dead, and others wait")
			f.backend.set(down)
			f.sendAllBut(refused)
			before := n.deadLetters()

			n.store = ""
			if how == "reload" {
				n.reload()
			} else {
				n.stop()
				n.start()
			}
			n.until(30*time.Second, func(q adminapi.Queue) bool {
				return q.Store == "postgres" && q.Spooled == 0 && q.Dead == 1 && q.Waiting+q.InFlight > 1
			}, "all events have moved")
			if after := n.deadLetters(); !slices.Equal(after, before) || len(after) != 1 {
				t.Errorf("the dead letters are %v, they were %v", after, before)
			}
			attempts := f.primary.Query("SELECT max((attempts::json->>'attempts')::int) FROM tim_callback.event WHERE state = 0")
			if made, _ := strconv.Atoi(attempts); made < 2 {
				t.Errorf("after at least two attempts the record says %s", attempts)
			}
			f.backend.setOf(failing.name, up)
			f.backend.set(up)
			f.sendAllBut(refused)
			f.settle(allowed{})
		})
	}
}

// fileNode starts a node with a queue file, which is where it will look for a spool.
func (f *fleet) fileNode() *node {
	n := f.node("a")
	n.store, n.spool = "store file", ""
	n.start()
	return n
}

// sendAllBut lets all users but one send a callback.
func (u *users) sendAllBut(but *user) {
	for _, one := range u.list {
		if one != but {
			u.send(one)
		}
	}
}

// deadLetters returns what a node tells of its dead letters.
func (n *node) deadLetters() (list []string) {
	n.t.Helper()
	for page, err := range n.api().Dead("default", "", 0) {
		if err != nil {
			n.t.Fatal(err)
		}
		for _, l := range page {
			list = append(list, fmt.Sprint(l.ID, l.Subject, l.Type, l.Attempts, l.Received.UnixMicro(), l.LastAttempt.UnixNano(), l.LastError, string(l.Event)))
		}
	}
	return list
}

// TestKilledWhileMoving kills the node again and again while the events of its file move to PostgreSQL.
func TestKilledWhileMoving(t *testing.T) {
	needLong(t)
	f := newFleet(t, 0, 40)
	n := f.fileNode()
	f.backend.set(down)
	f.sendAll(80)
	n.until(10*time.Second, func(q adminapi.Queue) bool { return q.Waiting+q.InFlight == 3200 }, "all wait")
	n.stop()
	n.store = ""
	moved := func() int {
		text, err := f.primary.Try(t.Context(), "postgres", "SELECT count(*) FROM tim_callback.event")
		if err != nil {
			return 0 // the table is not there yet
		}
		count, _ := strconv.Atoi(text)
		return count
	}
	midway := 0
	for last := 0; last < 3200; {
		n.launch()
		caddytest.Eventually(t, func() bool { return moved() > last }, "more have moved")
		n.kill()
		if last = moved(); last < 3200 {
			midway++
		}
	}
	t.Logf("it was killed %d times midway", midway)
	f.backend.set(up)
	n.start()
	f.sendAll(1)
	n.until(30*time.Second, func(q adminapi.Queue) bool { return q.Spooled == 0 }, "the file is empty")
	f.settle(allowed{})
	if midway == 0 {
		t.Error("it was never killed midway: the test shows nothing")
	}
}
