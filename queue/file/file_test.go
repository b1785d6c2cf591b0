package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/queuetest"
)

func TestConformance(t *testing.T) {
	queuetest.Run(t, queuetest.Opener{
		Durable: true,
		Open: func(t *testing.T, dir string, limits queue.Limits, now func() time.Time) queue.Store {
			s, err := Open(Options{Path: filepath.Join(dir, "queue.db"), Limits: limits, now: now})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	})
}

// TestSlowDisk checks that a Put whose context is cancelled returns while the disk hangs. An event
// that is already being written is stored nevertheless, and others are not stored later.
func TestSlowDisk(t *testing.T) {
	slow, begun := make(chan struct{}), make(chan struct{})
	var armed atomic.Bool
	var asked atomic.Int32
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "queue.db"), now: func() time.Time {
		// Put asks for the time first, then the writer does
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
	var given sync.WaitGroup
	for i := range 100 {
		given.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Millisecond, cancel)
			if _, err := s.Put(ctx, queue.Event{ID: fmt.Sprint("late", i), Key: "k"}); !errors.Is(err, context.Canceled) {
				t.Errorf("put: %v", err)
			}
		})
	}
	given.Wait()
	if n := s.inbox.Len(); n != 0 {
		t.Errorf("%d that were given up wait to be written", n)
	}
	close(slow)
	if added, err := s.Put(t.Context(), queue.Event{ID: "a", Key: "k"}); added || err != nil {
		t.Errorf("put again: %v %v", added, err)
	}
	if n := s.Counts().Waiting; n != 1 {
		t.Errorf("%d events wait, want 1", n)
	}
}

// TestNothingIsSyncedForADuplicate counts the writes of bbolt.
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

// TestChangedBeforeItIsOpened changes the file between the moment when it is read and the moment
// when it is opened for writing, as another process may do.
func TestChangedBeforeItIsOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db")
	others := []string{"of the new file", "of the file that was read"}
	s, err := Open(Options{Path: path, open: func(path string, mode os.FileMode, o *bolt.Options) (*bolt.DB, error) {
		if len(others) > 0 {
			other, err := Open(Options{Path: path})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := other.Put(t.Context(), queue.Event{ID: others[0], Key: "k"}); err != nil {
				t.Error(err)
			}
			others = others[1:]
			if err := other.Close(); err != nil {
				t.Error(err)
			}
		}
		return bolt.Open(path, mode, o)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if n := s.Counts().Waiting; n != 2 {
		t.Errorf("%d events wait, want 2", n)
	}
	if added, err := s.Put(t.Context(), queue.Event{ID: "of the new file", Key: "k"}); added || err != nil {
		t.Errorf("put again: %v %v", added, err)
	}
}
