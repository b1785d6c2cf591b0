package queues

import (
	"context"
	"sync"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// nodeStore is a store of which several nodes share the queue.
type nodeStore struct {
	queue.Store
	counts queue.Counts
	node   queue.Node
}

func (s *nodeStore) Counts() queue.Counts                         { return s.counts }
func (s *nodeStore) Node() queue.Node                             { return s.node }
func (s *nodeStore) Totals(context.Context) (queue.Counts, error) { panic("a scrape must not wait") }

// node is the module of a nodeStore.
type node struct {
	elsewhere
	node   queue.Node
	counts queue.Counts
}

func (m *node) Open(name string, o queue.Options) (queue.Store, error) {
	s, err := m.elsewhere.Open(name, o)
	return &nodeStore{s, m.counts, m.node}, err
}

// TestMetricsOfANode has the series that only shared queues have, and those of a queue that is being
// moved, so that there are two of its name.
func TestMetricsOfANode(t *testing.T) {
	start := func(name string, m queue.Module) {
		q := takes(m.Location(name), new(sync.Map))
		q.spec.Name, q.spec.Module = name, m
		if err := q.store.start(q); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { q.store.stop(q); q.store.release() })
	}
	start("plain", new(elsewhere))
	start("up", &node{node: queue.Node{ID: "a", Partitions: 32, Nodes: 2, Up: true}, counts: queue.Counts{Spooled: 3}})
	start("moved", &node{node: queue.Node{ID: "a", Partitions: 0, Nodes: 2, Up: false}, counts: queue.Counts{Spooled: 1, Waiting: 1}})
	start("moved", &node{elsewhere: elsewhere{location: "other"}, node: queue.Node{ID: "a", Partitions: 7, Nodes: 2, Up: true}, counts: queue.Counts{Spooled: 1}})
	found := caddytest.MustScrape(t)
	for name, want := range map[string]float64{
		`queue_spooled_events{queue="plain"}`:           0,
		`queue_spooled_events{queue="up"}`:              3,
		`queue_spooled_events{queue="moved"}`:           2,
		`queue_events{queue="moved",state="waiting"}`:   1,
		`queue_partitions{queue="up"}`:                  32,
		`queue_partitions{queue="moved"}`:               7,
		`queue_store_up{queue="up"}`:                    1,
		`queue_store_up{queue="moved"}`:                 0,
		`queue_partitions{queue="plain"}`:               -1,
		`queue_store_up{queue="plain"}`:                 -1,
		`queue_events{queue="plain",state="in_flight"}`: 0,
	} {
		if got, ok := found["caddy_tim_callback_"+name]; ok != (want >= 0) || ok && got != want {
			t.Errorf("%s is %g, %v, want %g", name, got, ok, want)
		}
	}
}
