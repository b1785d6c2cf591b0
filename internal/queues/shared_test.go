package queues

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

// takes is a queue that records what it delivers.
func takes(path string, into *sync.Map) *Queue {
	q := &Queue{store: acquire(path), spec: Spec{Name: "default", Module: at{path}}}
	q.spec.Attempt = func(_ context.Context, item *queue.Item) delivery.Result {
		into.Store(item.ID, true)
		return delivery.Result{Verdict: delivery.Delivered}
	}
	return q
}

// at is the module of a file.
type at struct{ path string }

func (m at) Location(string) string { return m.path }
func (m at) Place(string) string    { return m.path }
func (m at) Files(string) []string  { return []string{m.path} }
func (m at) Open(_ string, o queue.Options) (queue.Store, error) {
	return file.Open(file.Options{Path: m.path, Limits: o.Limits})
}

func delivered(t *testing.T, into *sync.Map, id string) {
	t.Helper()
	caddytest.Eventually(t, func() bool { _, ok := into.Load(id); return ok }, "%s is delivered", id)
}

func putNow(t *testing.T, q *Queue, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if added, err := q.Put(ctx, queue.Event{ID: id, Key: id}); !added || err != nil {
		t.Errorf("put %s: %v %v", id, added, err)
	}
}

// TestStoringBeforeStartAndAfterStop: Caddy starts and stops apps in random order, and
// requests outlive their configuration.
func TestStoringBeforeStartAndAfterStop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.db")
	var got sync.Map
	q := takes(path, &got)
	putNow(t, q, "before start")
	if err := q.store.start(q); err != nil {
		t.Fatal(err)
	}
	delivered(t, &got, "before start")
	q.store.stop(q)
	putNow(t, q, "after stop")
	if err := q.store.release(); err != nil {
		t.Fatal(err)
	}
	putNow(t, q, "after cleanup")
	if n, err := file.Count(path); n != 2 || err != nil {
		t.Errorf("%d events left, %v", n, err)
	}
	caddytest.Eventually(t, func() bool { return !inUse(path) }, "the store is released") // Put releases it after it has answered
}

// TestHandOver: the newest configuration that started delivers, and the one before
// delivers again when the newest one stops.
func TestHandOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.db")
	var byOld, byNew sync.Map
	older, newer := takes(path, &byOld), takes(path, &byNew)
	for _, q := range []*Queue{older, newer} {
		if err := q.store.start(q); err != nil {
			t.Fatal(err)
		}
	}
	putNow(t, older, "a") // by a request that arrived under the old configuration
	delivered(t, &byNew, "a")
	newer.store.stop(newer) // as when another app fails to start
	putNow(t, newer, "b")
	delivered(t, &byOld, "b")
	older.store.stop(older)
	for _, q := range []*Queue{older, newer} {
		if err := q.store.release(); err != nil {
			t.Error(err)
		}
	}
	caddytest.NoGoroutineLeft(t)
}

// TestForgottenQueueIsWarnedAbout leaves events in a file that the next
// configuration does not name.
func TestForgottenQueueIsWarnedAbout(t *testing.T) {
	dir := t.TempDir()
	s, err := file.Open(file.Options{Path: filepath.Join(dir, "old.db")})
	if err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if _, err := s.Put(t.Context(), queue.Event{ID: fmt.Sprint(n), Key: "k"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, spooled := range []bool{false, true} {
		core, observed := observer.New(zapcore.WarnLevel)
		app := &App{logger: zap.New(core), folder: dir}
		if spooled {
			if _, err := app.Declare(Spec{Name: "q", Module: &elsewhere{spool: filepath.Join(dir, "old.db")}, Logger: zap.NewNop()}, ""); err != nil {
				t.Fatal(err)
			}
		}
		if err := app.Start(); err != nil {
			t.Fatal(err)
		}
		if err := app.Stop(); err != nil {
			t.Fatal(err)
		}
		if err := app.Cleanup(); err != nil {
			t.Fatal(err)
		}
		lines := observed.All()
		if warned := len(lines) == 1 && lines[0].ContextMap()["events"] == int64(3); warned == spooled || len(lines) > 1 {
			t.Errorf("spooled %v: logged %v", spooled, lines)
		}
	}
}
