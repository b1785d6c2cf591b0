package delivery

import (
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

func TestIdleCostsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, outage)
		b.Start()
		b.sleep(24 * time.Hour)
		if n := b.store.takeCalls(); n > 1 {
			t.Errorf("asked an empty store %d times", n)
		}
		b.put("a1")
		b.sleep(24 * time.Hour)
		if tries, n := len(b.seen()), b.store.takeCalls(); n > 5*tries {
			t.Errorf("asked the store %d times for %d attempts", n, tries)
		}
		b.close()
	})
}

func TestAPutIsAttemptedAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, delivered)
		b.Start()
		for i := range 10 {
			b.sleep(sec)
			b.put(fmt.Sprintf("a%d", i))
			b.mustHold(0, 0, 0)
		}
		b.close()
	})
}

func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, delivered)
		b.store.failTakes(queue.ErrUnavailable)
		b.Start()
		b.sleep(time.Minute)
		if n := b.store.takeCalls(); n < 8 || n > 20 || len(b.storeErrs) != n {
			t.Errorf("asked %d times in a minute, of which %d were reported", n, len(b.storeErrs))
		}
		// after a signal Take is called again, but not for each of many signals
		for range 6000 {
			b.sleep(10 * time.Millisecond)
			b.store.Hasten()
		}
		if n := b.store.takeCalls(); n < 300 || n > 620 {
			t.Errorf("asked %d times in two minutes", n)
		}
		b.store.failTakes(nil)
		b.put("a1")
		b.sleep(10 * sec)
		b.mustHold(0, 0, 0)
		// Take had succeeded before, so the waits begin again
		b.store.failTakes(queue.ErrUnavailable)
		n := b.store.takeCalls()
		b.put("a2")
		b.sleep(100 * time.Millisecond)
		if got := b.store.takeCalls() - n; got != 2 {
			t.Errorf("asked %d times in the first 100ms, want 2", got)
		}
		b.close()
	})
}

func TestStoreIsNotReadyWhenItSaid(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, delivered)
		b.store.next = b.began
		b.Start()
		b.sleep(sec)
		if n := b.store.takeCalls(); n > 101 {
			t.Errorf("asked %d times in a second", n)
		}
		b.close()
	})
}

func TestStoreIsClosed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, delivered)
		b.Start()
		synctest.Wait()
		b.store.Close()
		b.sleep(time.Hour)
		if len(b.storeErrs) != 1 || !errors.Is(b.storeErrs[0], queue.ErrClosed) {
			t.Errorf("got %v", b.storeErrs)
		}
		b.close()
	})
}
