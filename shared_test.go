package timcallback

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

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

// takes is an owner that notes what it delivers.
func takes(path string, into *sync.Map) *owner {
	q := &Queue{Name: "default", store: &FileStore{Path: path}}
	q.setDefaults()
	return &owner{queue: q, shared: useQueue(path), attempt: func(_ context.Context, item *queue.Item) delivery.Result {
		into.Store(item.ID, true)
		return delivery.Result{Verdict: delivery.Delivered}
	}}
}

func delivered(t *testing.T, into *sync.Map, id string) {
	t.Helper()
	eventually(t, func() bool { _, ok := into.Load(id); return ok }, "%s is not delivered", id)
}

func putNow(t *testing.T, o *owner, id string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if added, err := (&declaredQueue{owner: o}).put(ctx, queue.Event{ID: id, Key: id}); !added || err != nil {
		t.Errorf("put %s: %v %v", id, added, err)
	}
}

// TestStoringBeforeStartAndAfterStop: apps start and stop in random order, and
// requests outlive their configuration.
func TestStoringBeforeStartAndAfterStop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.db")
	var got sync.Map
	o := takes(path, &got)
	putNow(t, o, "before start")
	if err := o.shared.own(o); err != nil {
		t.Fatal(err)
	}
	delivered(t, &got, "before start")
	o.shared.disown(o)
	putNow(t, o, "after stop")
	if err := o.shared.release(); err != nil {
		t.Fatal(err)
	}
	putNow(t, o, "after cleanup")
	if n, err := file.Count(path); n != 2 || err != nil {
		t.Errorf("%d events left, %v", n, err)
	}
	eventually(t, func() bool { return !queueInUse(path) }, "the queue is still in use") // put gives it up after it has answered
}

// TestHandOver: the newest that started delivers, and gives back when it fails.
func TestHandOver(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.db")
	var byOld, byNew sync.Map
	older, newer := takes(path, &byOld), takes(path, &byNew)
	for _, o := range []*owner{older, newer} {
		if err := o.shared.own(o); err != nil {
			t.Fatal(err)
		}
	}
	putNow(t, older, "a") // by a request that came in under the old configuration
	delivered(t, &byNew, "a")
	newer.shared.disown(newer) // as when another app fails to start
	putNow(t, newer, "b")
	delivered(t, &byOld, "b")
	older.shared.disown(older)
	for _, o := range []*owner{older, newer} {
		if err := o.shared.release(); err != nil {
			t.Error(err)
		}
	}
	noGoroutineOfOurs(t)
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
	core, observed := observer.New(zapcore.WarnLevel)
	app := &Queues{logger: zap.New(core), folder: dir}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	if err := app.Stop(); err != nil {
		t.Fatal(err)
	}
	lines := observed.All()
	if len(lines) != 1 || lines[0].ContextMap()["events"] != int64(3) {
		t.Errorf("logged %v", lines)
	}
}
