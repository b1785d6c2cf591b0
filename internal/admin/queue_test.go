package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/queuetest"
)

func init() {
	caddy.RegisterModule(sharedModule{})
}

// sharedModule opens stores that say that they are shared by two nodes. It has one option, which says
// what is the matter with the store.
type sharedModule struct {
	Trouble string `json:"trouble,omitempty"`
}

func (sharedModule) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: queue.ModuleNamespace + ".shared", New: func() caddy.Module { return new(sharedModule) }}
}

func (m *sharedModule) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	d.Args(&m.Trouble)
	return nil
}

func (m *sharedModule) Location(name string) string { return "shared/" + name }
func (m *sharedModule) Place(name string) string    { return "shared/" + name }
func (m *sharedModule) Files(string) []string       { return nil }
func (m *sharedModule) Open(_ string, o queue.Options) (queue.Store, error) {
	return &sharedStore{queuetest.NewMemory(o.Limits), m.Trouble}, nil
}

type sharedStore struct {
	queue.Store
	trouble string
}

func (s *sharedStore) Node() queue.Node {
	return queue.Node{ID: "node-a", Partitions: 32, Nodes: 2, Up: s.trouble == ""}
}

func (s *sharedStore) Counts() queue.Counts {
	return queue.Counts{Waiting: 1, InFlight: 2, Dead: 3, Bytes: 4, Oldest: time.Unix(1_300_000_000, 0), Spooled: 5}
}

func (s *sharedStore) Totals(ctx context.Context) (queue.Counts, error) {
	switch s.trouble {
	case "hangs":
		<-ctx.Done()
		return queue.Counts{}, ctx.Err()
	case "fails":
		return queue.Counts{}, errors.New("connection refused")
	}
	return queue.Counts{Waiting: 10, InFlight: 20, Dead: 30, Bytes: 40, Oldest: time.Unix(1_200_000_000, 0), Spooled: 6}, nil
}

// TestSharedQueues lists queues that several nodes share. The counts are those of all nodes, unless the
// store cannot be asked.
func TestSharedQueues(t *testing.T) {
	port := caddytest.FreePort()
	e := &caddytest.Edge{AdminAddress: fmt.Sprintf("localhost:%d", port)}
	site := func(name, options string) string {
		return fmt.Sprintf("tim_callback /%s 1400000000 xxxxyyyy {\nqueue %[1]s {\nstore shared %s\ndeliver {\nrespond 204\n}\n}\n}\n", name, options)
	}
	e.Start(t, site("a", "")+site("b", "fails")+site("c", "hangs")+site("d", "hangs"))
	began := time.Now()
	status, body := ask(t, port, "GET", "", "")
	if took := time.Since(began); took < 2*time.Second || took > 3500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	var got []adminapi.Queue
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != 200 || len(got) != 4 {
		t.Fatalf("%d %s", status, body)
	}
	total := `{"name":"a","store":"shared","waiting":10,"in_flight":20,"dead":30,"bytes":40,"oldest":"2008-01-10T21:20:00Z","spooled":6,` +
		`"node":{"id":"node-a","partitions":32,"nodes":2,"up":true,"waiting":1,"in_flight":2}}`
	if !strings.Contains(body, total) {
		t.Errorf("got  %s\nwant %s", body, total)
	}
	for i, want := range []string{"connection refused", "context deadline exceeded", "context deadline exceeded"} {
		q := got[i+1]
		if q.Error != want || q.Waiting != 1 || q.InFlight != 2 || q.Dead != 3 || q.Bytes != 4 || q.Spooled != 5 || q.Oldest.Unix() != 1_300_000_000 || q.Node == nil || q.Node.Up {
			t.Errorf("got %+v, want the error %s", q, want)
		}
	}
}
