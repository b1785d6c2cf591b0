package file

import (
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// TestRetainedMakeRoom checks that retained events make room for new ones when the disk is full.
func TestRetainedMakeRoom(t *testing.T) {
	var failed atomic.Int32
	s, err := Open(Options{Path: filepath.Join(smallDisk(t), "queue.db"), Limits: queue.Limits{Retain: time.Hour}, OnError: func(err error) {
		if err != nil {
			failed.Add(1)
		}
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for n, stored := 0, 0; stored < 4000; n++ {
		if n > 20_000 {
			t.Fatalf("only %d were stored", stored)
		}
		if _, err := s.Put(t.Context(), queue.Event{ID: fmt.Sprint(n), Key: "k", Payload: make([]byte, 1000)}); err != nil {
			time.Sleep(time.Millisecond)
			continue
		}
		if stored++; stored%100 == 0 {
			deliverAll(t, s)
		}
	}
	if failed.Load() == 0 {
		t.Error("the file was never full")
	}
}
