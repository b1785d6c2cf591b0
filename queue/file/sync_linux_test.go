package file

import (
	"errors"
	"os"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// If a sync fails, the puts that wait for it fail too. When syncs succeed again, the store works
// again, and has all events that were stored before.
func TestSyncFails(t *testing.T) {
	var opened atomic.Pointer[os.File]
	var reported atomic.Pointer[error]
	s, err := Open(Options{
		Path:    filepath.Join(t.TempDir(), "queue.db"),
		OnError: func(err error) { reported.Store(&err) },
		open: func(path string, mode os.FileMode, o *bolt.Options) (*bolt.DB, error) {
			options := *o
			options.OpenFile = func(path string, flags int, mode os.FileMode) (*os.File, error) {
				f, err := os.OpenFile(path, flags, mode)
				opened.Store(f)
				return f, err
			}
			return bolt.Open(path, mode, &options)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	put := func(id string) (bool, error) { return s.Put(t.Context(), queue.Event{ID: id, Key: id[:1]}) }
	for _, id := range []string{"a1", "a2", "b1"} {
		if added, err := put(id); !added || err != nil {
			t.Fatal(added, err)
		}
	}
	item, _, err := s.Take(time.Now())
	if err != nil || item.ID != "a1" {
		t.Fatal(item, err)
	}

	// /dev/null drops all that is written to it, and a sync of it fails
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer null.Close()
	if err := syscall.Dup3(int(null.Fd()), int(opened.Load().Fd()), syscall.O_CLOEXEC); err != nil {
		t.Fatal(err)
	}
	if added, err := put("c1"); added || !errors.Is(err, queue.ErrUnavailable) {
		t.Errorf("put: %v %v", added, err)
	}
	if err := reported.Load(); err == nil || *err == nil {
		t.Error("OnError was not called")
	}
	s.Delivered(item)

	eventually(t, "it can be written again", func() bool {
		added, err := put("c1")
		if err != nil && !errors.Is(err, queue.ErrUnavailable) {
			t.Errorf("put: %v", err)
		}
		return added
	})
	if err := reported.Load(); *err != nil {
		t.Errorf("OnError was not called with nil after syncs succeeded, but with %v", *err)
	}
	for _, id := range []string{"b1", "a2", "c1"} {
		var item *queue.Item
		eventually(t, id, func() bool { item, _, _ = s.Take(time.Now()); return item != nil })
		if item.ID != id {
			t.Errorf("took %s, want %s", item.ID, id)
		}
		s.Delivered(item)
	}
	if added, err := put("a1"); added || err != nil {
		t.Errorf("put again: %v %v", added, err)
	}
}
