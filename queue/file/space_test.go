package file

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// TestSpaceIsUsedAgain puts and delivers events for hours, by the clock of the test, and checks that
// the file does not grow with the number of events.
func TestSpaceIsUsedAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "queue.db")
	var mu sync.Mutex
	clock := time.Now()
	s, err := Open(Options{Path: path, now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return clock
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	payload := make([]byte, 8000) // that is 24 MB an hour, and bbolt lets the file grow by 16 MB at a time
	n := 0
	hour := func() {
		for range 60 {
			var wg sync.WaitGroup
			for range 50 {
				n++
				e := queue.Event{ID: fmt.Sprintf("%032x", n), Key: fmt.Sprint("user", n%17), Payload: payload}
				wg.Go(func() {
					if added, err := s.Put(t.Context(), e); !added || err != nil {
						t.Errorf("put: %v %v", added, err)
					}
				})
			}
			wg.Wait()
			for s.Counts().Waiting+s.Counts().InFlight > 0 {
				item, _, err := s.Take(s.options.now())
				if err != nil {
					t.Fatal(err)
				}
				if item == nil {
					<-s.Wake()
					continue
				}
				s.Delivered(item)
			}
			mu.Lock()
			clock = clock.Add(time.Minute)
			mu.Unlock()
		}
	}
	size := func() int64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return info.Size()
	}
	hour()
	before := size()
	hour()
	hour()
	if after := size(); after > before {
		t.Errorf("the file grew from %d to %d bytes", before, after)
	}
	if err := s.Close(); err != nil { // so that the writer does not use the IDs any more
		t.Fatal(err)
	}
	if n := len(s.ids); n > 20*50 {
		t.Errorf("%d IDs are in memory, for 10 minutes of 50", n)
	}
}
