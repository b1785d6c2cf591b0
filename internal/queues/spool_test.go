package queues

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"go.uber.org/zap"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/file"
	"github.com/d13c7061/caddy-tim-callback/queue/queuetest"
)

// elsewhere is the module of a store that is not in a file, but may have one to spool events. It keeps
// the options with which the store was opened, and the stores that it was given to update.
type elsewhere struct {
	location string
	spool    string

	options queue.Options
	updated []queue.Store
}

func (m *elsewhere) Location(name string) string { return "elsewhere/" + m.location + name }
func (m *elsewhere) Place(name string) string    { return "the place of " + name }

func (m *elsewhere) Files(string) []string {
	if m.spool == "" {
		return nil
	}
	return []string{m.spool}
}

func (m *elsewhere) Open(_ string, o queue.Options) (queue.Store, error) {
	m.options = o
	return queuetest.NewMemory(o.Limits), nil
}

func (m *elsewhere) Update(s queue.Store) { m.updated = append(m.updated, s) }

// TestQueuesHaveTheirOwnFiles: two queues of a configuration must share neither a location nor a file.
func TestQueuesHaveTheirOwnFiles(t *testing.T) {
	dir := t.TempDir()
	one, other := filepath.Join(dir, "1.db"), filepath.Join(dir, "2.db")
	for _, tc := range []struct {
		name string
		a, b queue.Module
		want []string
	}{
		{"two files", at{one}, at{other}, nil},
		{"one file", at{one}, at{one}, []string{"queues a and b", one}},
		{"a file and another's spool", at{one}, &elsewhere{spool: one}, []string{"queues a", "and b", one, "the place of b"}},
		{"a spool and another's file", &elsewhere{spool: one}, at{one}, []string{"queues a", "and b", one, "the place of a"}},
		{"one spool", &elsewhere{spool: one}, &elsewhere{spool: one}, []string{"queues a", "and b", "the place of a", "the place of b"}},
		{"two spools", &elsewhere{spool: one}, &elsewhere{spool: other}, nil},
		{"no spool", &elsewhere{}, &elsewhere{}, nil},
	} {
		app := new(App)
		if _, err := app.Declare(Spec{Name: "a", Module: tc.a, Logger: zap.NewNop()}, ""); err != nil {
			t.Fatal(err)
		}
		_, err := app.Declare(Spec{Name: "b", Module: tc.b, Logger: zap.NewNop()}, "")
		if (err == nil) != (tc.want == nil) {
			t.Errorf("%s: %v", tc.name, err)
		}
		for _, want := range tc.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v, which does not have %q", tc.name, err, want)
			}
		}
		if err := app.Cleanup(); err != nil {
			t.Error(err)
		}
	}
}

// TestDeclaredTwiceWithAnotherSpool: such declarations of one queue differ.
func TestDeclaredTwiceWithAnotherSpool(t *testing.T) {
	app := new(App)
	spec := Spec{Name: "a", Module: &elsewhere{spool: "/1.db"}, Logger: zap.NewNop()}
	first, err := app.Declare(spec, "")
	if err != nil {
		t.Fatal(err)
	}
	if again, err := app.Declare(spec, ""); again != first || err != nil {
		t.Errorf("got %p, %v", again, err)
	}
	spec.Module = &elsewhere{spool: "/2.db"}
	if _, err := app.Declare(spec, ""); err == nil || !strings.HasSuffix(err.Error(), "but with another store") {
		t.Errorf("got %v", err)
	}
	if err := app.Cleanup(); err != nil {
		t.Error(err)
	}
}

// opened opens the store of a module as the queue q, and returns its options.
func opened(t *testing.T, m *elsewhere) queue.Options {
	t.Helper()
	s := acquire(m.Location("q"))
	if _, err := s.open(&Spec{Name: "q", Module: m}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.release() })
	return m.options
}

// TestSpoolIsShared opens the file of a queue, which a configuration still delivers, for another store.
func TestSpoolIsShared(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.db")
	var got sync.Map
	older := takes(path, &got)
	if err := older.store.start(older); err != nil {
		t.Fatal(err)
	}
	spool, err := opened(t, new(elsewhere)).Spool(path, queue.Limits{Events: 1})
	if err != nil {
		t.Fatal(err)
	}
	store := spool.Store
	if store != older.store.opened() {
		t.Error("the store is another one")
	}
	if !spool.DeliveredFrom() {
		t.Error("nobody seems to deliver from the file")
	}
	for _, id := range []string{"a", "b", "c"} { // the limits of the older one go on
		if added, err := store.Put(t.Context(), queue.Event{ID: id, Key: "k"}); !added || err != nil {
			t.Errorf("put: %v %v", added, err)
		}
	}
	delivered(t, &got, "c")
	older.store.stop(older)
	if spool.DeliveredFrom() {
		t.Error("the older configuration seems to deliver after its end")
	}
	if err := older.store.release(); err != nil {
		t.Error(err)
	}
	if added, err := store.Put(t.Context(), queue.Event{ID: "d", Key: "k"}); !added || err != nil {
		t.Errorf("put after the older configuration has gone: %v %v", added, err)
	}
	for range 2 { // a second call does nothing
		if err := spool.Release(); err != nil {
			t.Error(err)
		}
	}
	if inUse(path) {
		t.Error("the file is still in use")
	}
	if n, err := file.Count(path); n != 1 || err != nil {
		t.Errorf("%d events, %v", n, err)
	}

	// back to the file, while the spool is still open
	if spool, err = opened(t, &elsewhere{location: "again"}).Spool(path, queue.Limits{Events: 1}); err != nil {
		t.Fatal(err)
	}
	if _, err := spool.Store.Put(t.Context(), queue.Event{ID: "e", Key: "k"}); !errors.Is(err, queue.ErrFull) {
		t.Errorf("put beyond the limit: %v", err)
	}
	newer := takes(path, &got)
	if err := newer.store.start(newer); err != nil {
		t.Fatal(err)
	}
	if err := spool.Release(); err != nil {
		t.Error(err)
	}
	delivered(t, &got, "d")
	newer.store.stop(newer)
	if err := newer.store.release(); err != nil {
		t.Error(err)
	}
	caddytest.NoGoroutineLeft(t)
}

// TestSpoolThatCannotBeOpened leaves nothing in use.
func TestSpoolThatCannotBeOpened(t *testing.T) {
	path := filepath.Join(t.TempDir(), "q.db")
	if err := os.WriteFile(path, []byte("no queue"), 0o600); err != nil {
		t.Fatal(err)
	}
	spool, err := opened(t, new(elsewhere)).Spool(path, queue.Limits{})
	if err == nil || spool != nil || !strings.Contains(err.Error(), path) {
		t.Errorf("got %v, %v", spool, err)
	}
	if inUse(path) {
		t.Error("the file is still in use")
	}
}

// TestUpdate: a store that is open already is given to the module of the configuration that delivers
// from now.
func TestUpdate(t *testing.T) {
	older, newer := new(elsewhere), new(elsewhere)
	var got sync.Map
	queueOf := func(m *elsewhere) *Queue {
		q := takes(m.Location("default"), &got)
		q.spec.Module = m
		return q
	}
	a, b := queueOf(older), queueOf(newer)
	if err := a.store.start(a); err != nil {
		t.Fatal(err)
	}
	store := a.store.opened()
	if len(older.updated) != 0 {
		t.Error("a store that was just opened was updated")
	}
	if err := b.store.start(b); err != nil {
		t.Fatal(err)
	}
	if len(older.updated) != 0 || len(newer.updated) != 1 || newer.updated[0] != store {
		t.Errorf("updated %v, %v", older.updated, newer.updated)
	}
	b.store.stop(b) // as when another app fails to start
	if len(older.updated) != 1 || older.updated[0] != store || len(newer.updated) != 1 {
		t.Errorf("back again, updated %v, %v", older.updated, newer.updated)
	}
	a.store.stop(a)
	if len(older.updated) != 1 || len(newer.updated) != 1 {
		t.Errorf("at the end, updated %v, %v", older.updated, newer.updated)
	}
	for _, q := range []*Queue{a, b} {
		if err := q.store.release(); err != nil {
			t.Error(err)
		}
	}
}
