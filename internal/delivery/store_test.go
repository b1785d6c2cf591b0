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
		if n := b.store.taken(); n > 1 {
			t.Errorf("asked an empty store %d times", n)
		}
		b.put("a1")
		b.sleep(24 * time.Hour)
		if tries, n := len(b.seen()), b.store.taken(); n > 5*tries {
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
			b.holds(0, 0, 0)
		}
		b.close()
	})
}

func TestStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, delivered)
		b.store.failing(queue.ErrUnavailable)
		b.Start()
		for range 600 {
			b.sleep(100 * time.Millisecond)
			b.store.Hasten() // wakes
		}
		if n := b.store.taken(); n < 8 || n > 20 || len(b.storeErrs) != n {
			t.Errorf("asked %d times in a minute, of which %d were reported", n, len(b.storeErrs))
		}
		b.store.failing(nil)
		b.put("a1")
		b.sleep(10 * sec)
		b.holds(0, 0, 0)
		// it was well in between
		b.store.failing(queue.ErrUnavailable)
		n := b.store.taken()
		b.put("a2")
		b.sleep(100 * time.Millisecond)
		if got := b.store.taken() - n; got != 2 {
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
		if n := b.store.taken(); n > 101 {
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
