package file

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// TestBulkCallsLetPutsIn checks that replaying or dropping very many dead letters does not hold up
// callbacks. If a store did that in one transaction, each put would wait until it has ended.
func TestBulkCallsLetPutsIn(t *testing.T) {
	const letters = 15_000
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "queue.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ids := make([]string, letters)
	for i := range ids {
		ids[i] = fmt.Sprintf("%032x", i)
	}
	bury(t, s, ids)
	for _, call := range []struct {
		name string
		run  func() (int, error)
	}{
		{"replay all", func() (int, error) { return s.Replay() }},
		{"drop by ID", func() (int, error) { return s.Drop(ids...) }},
	} {
		if call.name != "replay all" {
			bury(t, s, nil)
		}
		var n int
		done := make(chan struct{})
		began := time.Now()
		go func() {
			defer close(done)
			n, err = call.run()
		}()
		puts, slowest := 0, time.Duration(0)
		for running := true; running; puts++ {
			select {
			case <-done:
				running = false
			default:
			}
			before := time.Now()
			if _, err := s.Put(t.Context(), queue.Event{ID: fmt.Sprint(call.name, puts), Key: "put"}); err != nil {
				t.Fatal(err)
			}
			slowest = max(slowest, time.Since(before))
		}
		took := time.Since(began)
		if n != letters || err != nil {
			t.Errorf("%s: %d, %v", call.name, n, err)
		}
		t.Logf("%s: %v, with %d puts meanwhile, the slowest %v", call.name, took, puts, slowest)
		if want := letters / lettersAtOnce / 2; puts < want {
			t.Errorf("%s let %d puts in, want at least %d", call.name, puts, want)
		}
	}
}

// bury puts events, and makes dead letters of all that wait, except those with the key "put".
func bury(t *testing.T, s *Store, ids []string) {
	t.Helper()
	var wg sync.WaitGroup
	for sender := range 64 {
		wg.Go(func() {
			for i := sender; i < len(ids); i += 64 {
				if _, err := s.Put(t.Context(), queue.Event{ID: ids[i], Key: ids[i], Payload: make([]byte, 500)}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for {
		item, _, err := s.Take(time.Now(), "put")
		if err != nil {
			t.Fatal(err)
		}
		if item != nil {
			s.Bury(item)
			continue
		}
		if s.Counts().InFlight == 0 {
			return
		}
		<-s.Wake()
	}
}
