package queues_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	_ "github.com/d13c7061/caddy-tim-callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestReady: once for each configuration that has started, one line says whose
// callbacks are taken where, also if there are several handlers.
func TestReady(t *testing.T) {
	e := &caddytest.Edge{Sites: "http://127.0.0.1:0 {\ntim_callback 5 xxxxyyyy {\nallow_http\nanswer ack\n}\n}"}
	const site = "tim_callback /a 1400000000 xxxxyyyy {\nanswer ack\n}\ntim_callback /b {\nanswer ack\napp {env.TIM_TEST_APP} xxxxyyyy\napp 1400000000 xxxxyyyy\n}"
	t.Setenv("TIM_TEST_APP", "7")
	e.Start(t, site)
	type line struct {
		Msg     string
		Level   string
		Apps    []string `json:"sdk_appids"`
		Listens []string `json:"listen"`
		Version string
	}
	lines := func() (all []line) {
		text, err := os.ReadFile(filepath.Join(e.Dir, "caddy.log"))
		if err != nil {
			t.Fatal(err)
		}
		for s := range strings.Lines(string(text)) {
			var l line
			if err := json.Unmarshal([]byte(s), &l); err == nil && strings.HasPrefix(l.Msg, "ready for callbacks") {
				all = append(all, l)
			}
		}
		return all
	}
	wantListens := []string{":0", fmt.Sprint(":", e.Port)}
	for loads := 1; loads <= 2; loads++ {
		got := lines()
		if len(got) != loads {
			t.Fatalf("%d lines after %d loads", len(got), loads)
		}
		if l := got[loads-1]; l.Level != "info" || l.Version == "" || !slices.Equal(l.Apps, []string{"1400000000", "5", "7"}) || !slices.Equal(l.Listens, wantListens) {
			t.Errorf("got %+v", l)
		}
		e.Load(site)
	}
}
