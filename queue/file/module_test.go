package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// TestStoreErrorsQuoteNoValue checks the error for a file that cannot be opened, and whose path has a
// placeholder.
func TestStoreErrorsQuoteNoValue(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"topsecret", "topsecretfile"} {
		t.Setenv("TIM_PLACE", name)
		if err := os.WriteFile(filepath.Join(dir, "topsecretfile"), []byte("no queue"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink("/dev/null", filepath.Join(dir, "topsecret")); err != nil && !os.IsExist(err) {
			t.Fatal(err)
		}
		for _, path := range []string{"{env.TIM_PLACE}", "{env.TIM_PLACE}/folder/q.db"} {
			m := Module{Path: filepath.Join(dir, path)}
			if err := m.Provision(caddy.Context{}); err != nil {
				t.Fatal(err)
			}
			_, err := m.Open("q", queue.Options{OnError: func(error) {}})
			if err == nil || strings.Contains(err.Error(), "topsecret") || !strings.Contains(err.Error(), "{env.TIM_PLACE}") {
				t.Errorf("error %v", err)
			}
		}
	}
}

// TestModule opens a store at the configured path, and checks that it is otherwise in Caddy's data
// directory.
func TestModule(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TIM_PLACE", dir)
	configured := &Module{Path: "{env.TIM_PLACE}/x.db"}
	if err := configured.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	if location, want := configured.Location("q"), filepath.Join(dir, "x.db"); location != want || configured.Place("q") != configured.Path {
		t.Errorf("kept in %s, which is called %s", location, configured.Place("q"))
	}
	var byDefault Module
	if err := byDefault.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	if location, want := byDefault.Location("q"), filepath.Join(caddy.AppDataDir(), "tim_callback", "q.db"); location != want || byDefault.Place("q") != want {
		t.Errorf("kept in %s, which is called %s", location, byDefault.Place("q"))
	}
	for _, m := range []*Module{configured, &byDefault} {
		if files := m.Files("q"); len(files) != 1 || files[0] != m.Location("q") {
			t.Errorf("the files are %v", files)
		}
	}
	store, err := configured.Open("q", queue.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), queue.Event{ID: "1", Key: "k"}); err != nil {
		t.Error(err)
	}
	if err := store.Close(); err != nil {
		t.Error(err)
	}
	if n, err := Count(configured.Location("q")); n != 1 || err != nil {
		t.Errorf("%d events, %v", n, err)
	}
}
