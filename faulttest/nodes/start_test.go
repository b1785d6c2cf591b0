package nodes

import (
	"testing"
	"time"
)

// TestDatabaseDownAtStart is case 1: Caddy starts without the database. Without a spool it answers 503, with
// one OK, and what it keeps is delivered soon after the database has come.
func TestDatabaseDownAtStart(t *testing.T) {
	f := newFleet(t, 0, 6)
	without, with := f.node("without"), f.node("with")
	f.primary.Kill()
	f.startWithout(without, with, f.primary.Restart)
}

// TestDatabaseHangsAtStart is the same with a database that does not answer.
func TestDatabaseHangsAtStart(t *testing.T) {
	needLong(t)
	f := newFleet(t, 0, 6)
	without, with := f.node("without"), f.node("with")
	f.primary.Pause()
	f.startWithout(without, with, f.primary.Resume)
}

// startWithout starts nodes while there is no database.
func (f *fleet) startWithout(without, with *node, recover func()) {
	f.t.Helper()
	without.spool = "spool off"
	without.start()
	with.start()
	with.serving.Store(false)
	f.sendAll(1)
	if n := f.count(answer.isOK); n > 0 {
		f.t.Errorf("%d were answered OK without a database and without a spool", n)
	}
	without.serving.Store(false)
	with.serving.Store(true)
	f.sendAll(3)
	if n, spooled := f.count(answer.isOK), with.spooled(); n != 18 || spooled != 18 {
		f.t.Errorf("%d were answered OK and %d spooled, want 18", n, spooled)
	}
	recover()
	var wanted []event
	for _, u := range f.list {
		wanted = append(wanted, event{u.name, 2}, event{u.name, 3}, event{u.name, 4})
	}
	f.untilTaken(5*time.Second, wanted...)
	without.serving.Store(true)
	f.sendAll(2)
	f.settle(allowed{spool: true})
}
