package nodes

import (
	"context"
	"testing"
	"time"
)

// TestIdleTransaction is case 16: somebody leaves a transaction open in the database, so that nothing can be
// vacuumed. Callbacks are answered as fast as before nevertheless.
func TestIdleTransaction(t *testing.T) {
	needLong(t)
	f := newFleet(t, 0, 16)
	f.startNodes("a", "b")
	f.pause = 2 * time.Millisecond
	f.start()
	f.more(500, nil) // it warms up
	window := func(during time.Duration) (median, high time.Duration, n int) {
		since := time.Now()
		time.Sleep(during)
		var all []answer
		for _, a := range f.answers() {
			if a.began.After(since) {
				all = append(all, a)
			}
		}
		return percentile(all, 0.5), percentile(all, 0.95), len(all)
	}
	median, high, n := window(3 * time.Second)
	t.Logf("before: %d callbacks, median %s, 95 %% within %s", n, median, high)
	ctx, cancel := context.WithCancel(t.Context())
	held := make(chan struct{})
	go func() {
		defer close(held)
		_, _ = f.primary.Try(ctx, "postgres", "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT txid_current(); SELECT count(*) FROM tim_callback.event; SELECT pg_sleep(25)")
	}()
	time.Sleep(6 * time.Second)
	if idle := f.primary.Query("SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(25)%' AND backend_xid IS NOT NULL"); idle != "1" {
		t.Errorf("%s transactions are open", idle)
	}
	median2, high2, n2 := window(3 * time.Second)
	t.Logf("with an open transaction: %d callbacks, median %s, 95 %% within %s", n2, median2, high2)
	if median2 > 4*median+5*time.Millisecond || high2 > 6*high+50*time.Millisecond {
		t.Errorf("that is much slower")
	}
	f.settle(allowed{late: 20 * time.Second})
	cancel()
	<-held
}
