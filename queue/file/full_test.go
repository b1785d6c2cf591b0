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
)

// crowd puts events all the time, and after deliver is called it also takes and delivers them.
type crowd struct {
	*testing.T
	store *Store
	size  int // of a payload

	added, refused, delivered atomic.Int64
	stop                      func()
}

func newCrowd(t *testing.T, s *Store, size int) *crowd {
	c := &crowd{T: t, store: s, size: size}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	c.stop = func() { cancel(); wg.Wait() }
	t.Cleanup(c.stop)
	for sender := range 8 {
		wg.Go(func() {
			for i := 0; ctx.Err() == nil; i++ {
				_, err := s.Put(context.Background(), queue.Event{ID: fmt.Sprint(sender, " ", i), Key: fmt.Sprint("key", i%50), Payload: make([]byte, size)})
				if err == nil {
					c.added.Add(1)
					continue
				}
				if c.refused.Add(1); !errors.Is(err, queue.ErrUnavailable) {
					t.Errorf("put: %v", err)
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	return c
}

// deliver starts to take and deliver events.
func (c *crowd) deliver() {
	ctx, cancel := context.WithCancel(c.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		for ctx.Err() == nil {
			item, _, err := c.store.Take(time.Now())
			if err != nil || item == nil {
				time.Sleep(time.Millisecond)
				continue
			}
			c.store.Delivered(item)
			c.delivered.Add(1)
		}
	})
	stop := c.stop
	c.stop = func() { stop(); cancel(); wg.Wait() }
	c.Cleanup(c.stop)
}

// waitUntilFull waits until the file is full.
func (c *crowd) waitUntilFull() {
	c.Helper()
	eventually(c.T, "the file is full", func() bool { return c.refused.Load() > 50 })
}

// storesAgain fills the file, and delivers until events are stored again and more returns true.
func (c *crowd) storesAgain(more func() bool) {
	c.Helper()
	c.waitUntilFull()
	c.deliver()
	before := c.added.Load()
	eventually(c.T, "there is room again", func() bool { return more() && c.added.Load() > before+100 })
}

// checkNothingLost checks that no event was lost, and closes the store.
func (c *crowd) checkNothingLost() {
	c.Helper()
	c.stop()
	added, delivered := int(c.added.Load()), int(c.delivered.Load())
	if n := c.store.Counts().Waiting + c.store.Counts().InFlight; n > added || n < added-delivered {
		c.Errorf("%d are left of %d, of which %d were delivered", n, added, delivered)
	}
	if err := c.store.Close(); err != nil {
		c.Error(err)
	}
}

// bounded opens a database that cannot grow beyond a megabyte.
func bounded(path string, mode os.FileMode, o *bolt.Options) (*bolt.DB, error) {
	small := *o
	small.InitialMmapSize, small.MaxSize = 1<<20, 1<<20
	return bolt.Open(path, mode, &small)
}

// If the file cannot grow, deliveries make room in it, also while more events are put than there is
// room for.
func TestFullFileIsDeliveredFrom(t *testing.T) {
	for _, size := range []int{100, 10_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s, err := Open(Options{Path: filepath.Join(t.TempDir(), "queue.db"), open: bounded})
			if err != nil {
				t.Fatal(err)
			}
			c := newCrowd(t, s, size)
			c.storesAgain(func() bool { return true })
			c.checkNothingLost()
		})
	}
}

// Deliveries go on even if opening the file takes longer than the store waits before it tries to
// store events again.
func TestFullFileThatOpensSlowly(t *testing.T) {
	var opened atomic.Int32
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "queue.db"), open: func(path string, mode os.FileMode, o *bolt.Options) (*bolt.DB, error) {
		if opened.Add(1) > 1 {
			time.Sleep(resumeAfter * 3 / 2)
		}
		return bounded(path, mode, o)
	}})
	if err != nil {
		t.Fatal(err)
	}
	c := newCrowd(t, s, 100)
	c.waitUntilFull()
	c.deliver()
	eventually(t, "500 are delivered", func() bool { return c.delivered.Load() > 500 })
	c.checkNothingLost()
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
