package file

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// A file that cannot grow is made room in by delivering, also while more is put
// than there is room for.
func TestFullFileIsDeliveredFrom(t *testing.T) {
	for _, size := range []int{100, 10_000} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			s, err := Open(Options{Path: filepath.Join(t.TempDir(), "queue.db"), open: func(path string, mode os.FileMode, o *bolt.Options) (*bolt.DB, error) {
				small := *o
				small.InitialMmapSize, small.MaxSize = 1<<20, 1<<20
				return bolt.Open(path, mode, &small)
			}})
			if err != nil {
				t.Fatal(err)
			}
			var mu sync.Mutex
			added, refused := 0, 0
			count := func() (int, int) {
				mu.Lock()
				defer mu.Unlock()
				return added, refused
			}
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			for sender := range 8 {
				wg.Go(func() {
					for i := 0; ctx.Err() == nil; i++ {
						_, err := s.Put(context.Background(), queue.Event{ID: fmt.Sprint(sender, " ", i), Key: fmt.Sprint("key", i%50), Payload: make([]byte, size)})
						mu.Lock()
						if err == nil {
							added++
						} else if refused++; !errors.Is(err, queue.ErrUnavailable) {
							t.Errorf("put: %v", err)
						}
						mu.Unlock()
						if err != nil {
							time.Sleep(time.Millisecond)
						}
					}
				})
			}
			eventually(t, "the file is full", func() bool { _, refused := count(); return refused > 50 })
			delivered := 0
			wg.Go(func() {
				for ctx.Err() == nil {
					item, _, err := s.Take(time.Now())
					if err != nil || item == nil {
						time.Sleep(time.Millisecond)
						continue
					}
					s.Delivered(item)
					delivered++
				}
			})
			before, _ := count()
			eventually(t, "there is room again", func() bool { added, _ := count(); return added > before+100 })
			cancel()
			wg.Wait()
			if n := s.Counts().Waiting + s.Counts().InFlight; n > added || n < added-delivered {
				t.Errorf("%d are left of %d, of which %d were delivered", n, added, delivered)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
}

func eventually(t *testing.T, what string, f func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !f(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not in time: %s", what)
		}
	}
}
