package postgres

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
)

// trap is a primary whose standby gets nothing more from it, and how to store events there.
type trap struct {
	*testing.T
	primary, standby *pgtest.Server
	between          *pgtest.Proxy
	queue            *testQueue
	store            *Store
}

func newTrap(t *testing.T) *trap {
	pgtest.Need(t)
	t.Parallel()
	x := &trap{T: t, primary: pgtest.Start(t)}
	x.between = pgtest.NewProxy(t, x.primary.Address())
	x.standby = x.primary.Standby("one", pgtest.Through(x.between.Addr()))
	x.primary.Synchronous("one")
	x.queue = newQueue(t, x.primary.DSN("postgres"))
	x.queue.spool = ""
	x.store = x.queue.open() // makes the tables while the standby is there
	x.standby.WaitStreaming()
	x.between.Freeze()
	return x
}

// begin begins to store an event, on a new connection, without looking whether the server is known to be slow.
// The channel receives how that has ended: nil is what a callback would be answered OK for.
func (x *trap) begin(id string, change func(*Store)) <-chan error {
	x.Helper()
	s := &Store{options: x.store.options, sql: newStatements(x.store.options.schema), node: x.store.node, pool: x.store.pool}
	if change != nil {
		change(s)
	}
	s.target.Store(x.store.target.Load())
	s.queueID.Store(x.store.queueID.Load())
	s.limits.Store(x.store.limits.Load())
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	w, err := s.connect(ctx)
	if err != nil {
		x.Fatal(err)
	}
	done := make(chan error, 1)
	e := eventOf(id, "key")
	p := &put{done: make(chan error, 1)}
	p.set(&e, time.Now())
	go func() { done <- s.commitPuts(w, []*put{p}, make([]bool, 1)) }()
	x.Cleanup(w.close)
	return done
}

const waitingPuts = `FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query LIKE '%event AS e (queue, part, key%'`

// untilWaits waits until the transaction waits for the standby.
func (x *trap) untilWaits() {
	x.Helper()
	x.queue.eventually("the commit waits for the standby", func() bool { return x.primary.Query("SELECT count(*) "+waitingPuts) != "0" })
}

// cancel cancels the wait, as an administrator may, or a driver whose deadline is over.
func (x *trap) cancel() { x.primary.Exec("SELECT pg_cancel_backend(pid) " + waitingPuts) }

// ended returns how storing has ended.
func (x *trap) ended(done <-chan error) error {
	x.Helper()
	select {
	case err := <-done:
		return err
	case <-time.After(20 * time.Second):
		x.Fatal("it does not end")
		return nil
	}
}

// mustAcknowledge checks that an event is acknowledged at once.
func (x *trap) mustAcknowledge(done <-chan error) {
	x.Helper()
	if err := x.ended(done); err != nil {
		x.Errorf("it was not acknowledged, so this is no trap any more: %v", err)
	}
}

// mustWait checks that storing an event waits for the standby.
func (x *trap) mustWait(done <-chan error) {
	x.Helper()
	x.untilWaits()
	select {
	case err := <-done:
		x.Errorf("it has ended without the standby: %v", err)
	default:
	}
}

// mustBeLost checks that the standby has nothing of all that when it takes over.
func (x *trap) mustBeLost() {
	x.Helper()
	x.primary.Kill()
	x.between.Cut() // with what is on its way
	x.between.Thaw()
	x.standby.Promote()
	if got := x.standby.Query("SELECT count(*) FROM tim_callback.event"); got != "0" {
		x.Errorf("the standby has %s events", got)
	}
}

func trusting(s *Store) { s.options.trusting = true }

// unlocked leaves the rows of known IDs alone.
func unlocked(s *Store) { s.sql.put = strings.Replace(s.sql.put, "FOR UPDATE", "", 1) }

// TestCancelledWait is trap 1: when the wait for a standby is cancelled, PostgreSQL commits and warns.
func TestCancelledWait(t *testing.T) {
	x := newTrap(t)
	done := x.begin("a", nil)
	x.untilWaits()
	x.cancel()
	if err := x.ended(done); err == nil {
		t.Error("an event that no standby has was acknowledged")
	}
	done = x.begin("b", trusting)
	x.untilWaits()
	x.cancel()
	x.mustAcknowledge(done)
	x.mustBeLost()
}

// TestDuplicateOfCancelled is trap 2: after that, the event is there, but no standby has it. The same ID again
// must wait for a standby too.
func TestDuplicateOfCancelled(t *testing.T) {
	x := newTrap(t)
	done := x.begin("a", nil)
	x.untilWaits()
	x.cancel()
	_ = x.ended(done)
	x.mustAcknowledge(x.begin("a", unlocked))
	x.mustWait(x.begin("a", nil))
	x.mustBeLost()
}

// TestDuplicateAfterRestart is trap 7: a primary that is restarted shows the transactions that have waited for
// a standby. The same ID again must wait for a standby too.
func TestDuplicateAfterRestart(t *testing.T) {
	x := newTrap(t)
	done := x.begin("a", nil)
	x.untilWaits()
	x.primary.Kill()
	if err := x.ended(done); err == nil {
		x.Error("a primary that was killed has acknowledged something")
	}
	x.primary.Restart()
	x.mustAcknowledge(x.begin("a", unlocked))
	x.mustWait(x.begin("a", nil))
	x.mustBeLost()
}
