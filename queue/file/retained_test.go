package file

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// TestRetainedAreMany checks that many retained events go although little is stored meanwhile.
func TestRetainedAreMany(t *testing.T) {
	var limits queue.Limits
	limits.Retain = time.Hour
	s, err := Open(Options{Path: filepath.Join(t.TempDir(), "queue.db"), Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	const events = 10 * maxBatch
	putEvents(t, s, 256, 0, events, 10)
	deliverAll(t, s)
	if page, err := s.Events(t.Context(), queue.Query{Limit: 2 * events, Look: 2 * events}); err != nil || len(page.Entries) != events {
		t.Errorf("%d are retained, %v", len(page.Entries), err)
	}
	s.SetLimits(queue.Limits{})
	if _, err := s.Put(t.Context(), queue.Event{ID: "x", Key: "k"}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "none is retained", func() bool {
		page, err := s.Events(t.Context(), queue.Query{State: queue.Delivered})
		s.mu.Lock()
		defer s.mu.Unlock()
		return err == nil && len(page.Entries) == 0 && s.retained.bytes == 0 && len(s.retained.numbers) == 0
	})
}
