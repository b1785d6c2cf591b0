package pgtest

import (
	"context"
	"sync"
	"testing"
	"time"
)

func TestStandbys(t *testing.T) {
	t.Parallel()
	primary := Start(t)
	a, b := primary.Standby("a"), primary.Standby("b")
	primary.Exec("CREATE TABLE t (n int)")
	primary.Synchronous("a", "b")
	insert := func(n string) <-chan error {
		done := make(chan error, 1)
		go func() {
			_, err := primary.Try(context.Background(), "postgres", "INSERT INTO t VALUES ("+n+")")
			done <- err
		}()
		return done
	}
	waiting := func() bool {
		return primary.Query("SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'SyncRep'") == "1"
	}
	finished := func(done <-chan error) {
		t.Helper()
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
		case <-time.After(limit):
			t.Fatal("a commit does not return")
		}
	}

	// one of the two suffices
	a.Pause()
	finished(insert("1"))
	b.Pause()
	done := insert("2")
	primary.await(waiting, "a commit waits")
	select {
	case err := <-done:
		t.Fatalf("a commit did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	b.Resume()
	finished(done)
	if got := b.ReceivedLSN(); got == 0 {
		t.Fatal("b has received nothing")
	}

	// without a standby nothing waits
	b.Pause()
	done = insert("3")
	primary.await(waiting, "a commit waits")
	primary.Synchronous()
	finished(done)
	a.Resume()
	b.Resume()
	a.WaitStreaming()
	b.WaitReplayed()
	if got := b.Query("SELECT count(*) FROM t"); got != "3" {
		t.Fatalf("b has %s rows", got)
	}

	// a takes over
	primary.Kill()
	a.Promote()
	b.Follow(a)
	b.WaitStreaming()
	a.Synchronous("b")
	a.Exec("INSERT INTO t VALUES (4)")
	b.WaitReplayed()
	if got := b.Query("SELECT count(*) FROM t"); got != "4" {
		t.Fatalf("b has %s rows", got)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	s := Start(t)
	s.Pause()
	ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer cancel()
	if _, err := s.Try(ctx, "postgres", "SELECT 1"); err == nil {
		t.Fatal("a paused server answers")
	}
	s.Resume()
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			if _, err := s.Try(context.Background(), "postgres", "SELECT 1"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s.Pause() // it is killed while it is paused
}
