package file

import (
	"context"
	"errors"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/queuetest"
)

func TestConformance(t *testing.T) {
	queuetest.Run(t, queuetest.Opener{
		Durable: true,
		Open: func(t *testing.T, dir string, max int, now func() time.Time) queue.Store {
			s, err := Open(Options{Path: filepath.Join(dir, "queue.db"), MaxEvents: max, now: now})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	})
}

// TestSlowDisk: who puts does not wait longer than it can, and what was begun is
// stored all the same.
func TestSlowDisk(t *testing.T) {
	slow, begun := make(chan struct{}), make(chan struct{})
	var armed atomic.Bool
	var asked atomic.Int32
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "queue.db"), now: func() time.Time {
		// who puts asks first, then the writer
		if armed.Load() && asked.Add(1) == 2 {
			close(begun)
			<-slow
		}
		return time.Now()
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	armed.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		<-begun
		cancel()
	}()
	if _, err := s.Put(ctx, queue.Event{ID: "a", Key: "k"}); !errors.Is(err, context.Canceled) {
		t.Errorf("put: %v", err)
	}
	close(slow)
	if added, err := s.Put(t.Context(), queue.Event{ID: "a", Key: "k"}); added || err != nil {
		t.Errorf("put again: %v %v", added, err)
	}
}

// TestNothingIsSyncedForADuplicate counts what bbolt writes.
func TestNothingIsSyncedForADuplicate(t *testing.T) {
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "queue.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put := func(id string) (writes int64) {
		t.Helper()
		if _, err := s.Put(t.Context(), queue.Event{ID: id, Key: "k"}); err != nil {
			t.Fatal(err)
		}
		stats := s.db.Stats()
		return stats.TxStats.GetWrite()
	}
	first := put("a")
	if again := put("a"); again != first {
		t.Errorf("%d writes for a duplicate", again-first)
	}
	if other := put("b"); other == first {
		t.Error("no write for an event")
	}
}
