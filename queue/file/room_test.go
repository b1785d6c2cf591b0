package file

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// TestZerosAhead checks that there are zeros behind the last page, but not too many, and that they
// have overwritten no event.
func TestZerosAhead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db")
	s, err := Open(Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	const n = 3000
	payload := func(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "%06d", i), i%2000) }
	var wg sync.WaitGroup
	for sender := range 8 {
		wg.Go(func() {
			for i := sender; i < n; i += 8 {
				if added, err := s.Put(t.Context(), queue.Event{ID: fmt.Sprint(i), Key: fmt.Sprint(i), Payload: payload(i)}); !added || err != nil {
					t.Errorf("put %d: %v %v", i, added, err)
				}
			}
		})
	}
	wg.Wait()
	var end int64
	if err := s.view(func(tx *bolt.Tx) error { end = tx.Size(); return nil }); err != nil {
		t.Fatal(err)
	}
	zeroed := s.room.to
	if zeroed < end || zeroed > end+2*mostAhead {
		t.Errorf("zeros up to %d, with %d in use", zeroed, end)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rest, err := io.ReadAll(io.NewSectionReader(f, end, zeroed-end))
	if err != nil || int64(len(rest)) != zeroed-end || !bytes.Equal(rest, make([]byte, len(rest))) {
		t.Errorf("%d bytes behind the last page, not all of them zeros (%v)", len(rest), err)
	}
	if s, err = Open(Options{Path: path}); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range n {
		item, _, err := s.Take(s.options.now())
		if err != nil || item == nil {
			t.Fatal(item, err)
		}
		var i int
		if _, err := fmt.Sscan(item.ID, &i); err != nil || !bytes.Equal(item.Payload, payload(i)) {
			t.Fatalf("event %s came back with another payload", item.ID)
		}
	}
}

// TestNoZerosAhead checks that events are also stored if zeros cannot be written ahead.
func TestNoZerosAhead(t *testing.T) {
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "queue.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_ = s.room.file.Close()
	for i := range 10 {
		if added, err := s.Put(t.Context(), queue.Event{ID: fmt.Sprint(i), Key: "k", Payload: make([]byte, 9000)}); !added || err != nil {
			t.Errorf("put: %v %v", added, err)
		}
	}
	if s.room.file != nil {
		t.Error("it goes on trying")
	}
}
