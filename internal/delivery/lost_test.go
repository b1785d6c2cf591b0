package delivery

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

var errLost = errors.New("the partition is lost")

// lose makes every event that is taken from now on get lost after d.
func (b *bench) lose(d time.Duration) {
	b.store.setOwned(func(*queue.Item) context.Context {
		ctx, cancel := context.WithCancelCause(context.Background())
		time.AfterFunc(d, func() { cancel(errLost) })
		return ctx
	})
}

// An attempt whose event was lost to another node ends at once, and counts for nothing.
func TestLostEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, delivered)
		b.lose(sec)
		b.serveWith(func(ctx context.Context, item *queue.Item) Result {
			<-ctx.Done()
			if err := context.Cause(ctx); !errors.Is(err, errLost) {
				t.Errorf("the cause is %v", err)
			}
			b.store.setOwned(nil)
			b.answer(delivered)
			switch item.ID {
			case "b1":
				panic("no response")
			case "c1":
				return refused
			}
			return outage
		})
		b.put("a1", "b1", "c1", "a2")
		b.Start()
		b.sleep(sec - 1)
		b.mustHold(1, 3, 0)
		b.sleep(1)
		b.mustHold(0, 0, 0)
		if len(b.reports) != 4 {
			t.Fatalf("got %+v", b.reports)
		}
		for _, r := range b.reports {
			if r.Outcome != OutcomeDelivered || r.Item.Attempts != 1 || r.Item.Refusals != 0 || r.Item.LastError != "" {
				t.Errorf("got %+v of %+v", r, r.Item)
			}
		}
		b.close()
	})
}

// An event that the backend has taken is reported and noted as delivered, also after it was lost.
func TestLostEventWasDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, delivered)
		b.lose(sec)
		b.serveWith(func(ctx context.Context, _ *queue.Item) Result {
			<-ctx.Done()
			time.Sleep(sec)
			return delivered
		})
		b.put("a1")
		b.Start()
		b.sleep(3 * sec)
		b.mustHold(0, 0, 0)
		if len(b.reports) != 1 || b.reports[0].Outcome != OutcomeDelivered {
			t.Errorf("got %+v", b.reports)
		}
		b.close()
	})
}

// An attempt that has failed before its event was lost is a failure as any other.
func TestEventLostLater(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{RetryMin: time.Hour}, outage)
		b.lose(sec)
		b.put("a1")
		b.Start()
		b.sleep(2 * sec)
		b.mustHold(1, 0, 0)
		if len(b.reports) != 1 || b.reports[0].Outcome != OutcomeRetried {
			t.Errorf("got %+v", b.reports)
		}
		b.close()
	})
}

// Lost events say nothing about the backend: it does not count as down because of them.
func TestLostEventsAreNoFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, outage)
		b.lose(sec)
		b.serveWith(func(ctx context.Context, _ *queue.Item) Result { <-ctx.Done(); return outage })
		b.putKeys(16)
		b.Start()
		b.sleep(10 * sec)
		if len(b.downs) != 0 || len(b.reports) != 0 || len(b.seen()) < 100 {
			t.Errorf("down %v, %d reports, %d attempts", b.downs, len(b.reports), len(b.seen()))
		}
		b.close()
	})
}

// A probe that was lost is replaced by another one at once, and says nothing about the backend.
func TestLostProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := downBench(t, Options{Timeout: time.Hour}, 0)
		b.lose(time.Minute)
		b.serveWith(func(ctx context.Context, _ *queue.Item) Result { <-ctx.Done(); return outage })
		b.put("x1")
		b.sleep(time.Minute - 1)
		b.mustHold(10, 1, 0) // the probe is under way
		n := len(b.seen())
		b.store.setOwned(nil)
		b.answer(delivered)
		b.sleep(1)
		if tries := b.seen(); len(tries) == n || tries[n].at != b.now() {
			t.Fatalf("no probe after the one that was lost; attempts %v", tries)
		}
		b.mustHold(0, 0, 0)
		if len(b.ups) != 1 {
			t.Errorf("up %v", b.ups)
		}
		b.close()
	})
}

// The loss of an event that was sent before the backend went down does not end a probe.
func TestLostEventThatIsNoProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Timeout: time.Hour}, outage)
		b.lose(time.Minute)
		hang := func(ctx context.Context, item *queue.Item) Result { <-ctx.Done(); return outage }
		b.serveWith(hang)
		b.put("x1")
		b.Start()
		synctest.Wait()
		b.store.setOwned(nil)
		b.answer(outage)
		b.putKeys(10)
		synctest.Wait()
		if len(b.downs) != 1 {
			t.Fatalf("down %v", b.downs)
		}
		b.serveWith(hang)
		b.sleep(2 * time.Minute)
		b.mustHold(10, 1, 0) // the probe
		if n := len(b.seen()); n != 12 {
			t.Errorf("%d attempts, want 12", n)
		}
		b.Stop(grace(0))
		b.close()
	})
}
