package nodes

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestDeadLetters is case 14: what one node has buried is listed, replayed and dropped by the other one. The
// metrics of both add up to the totals.
func TestDeadLetters(t *testing.T) {
	f := newFleet(t, 0, 24)
	nodes := f.startNodes("a", "b")
	b := nodes[1]
	f.even(nodes...)
	f.sendAll(1)
	b.untilIdle()
	deliveredBy := make(map[string]string) // by user
	for _, x := range f.backend.arrivals() {
		deliveredBy[x.user] = x.node
	}
	var refused, others []*user // few of each node, so that the backend does not count as down
	of := make(map[string]int)
	for _, u := range f.list {
		if node := deliveredBy[u.name]; of[node] < 3 {
			of[node]++
			refused = append(refused, u)
			f.backend.setOf(u.name, refuse)
			f.send(u)
		} else {
			others = append(others, u)
		}
	}
	caddytest.Within(t, 30*time.Second, func() bool {
		for _, u := range others {
			f.send(u)
		}
		state, err := b.state()
		return err == nil && state.Dead == len(refused)
	}, "there are dead letters")
	b.untilIdle()
	f.mustAddUp()
	buriedBy := make(map[string]string) // by user
	for _, x := range f.backend.arrivals() {
		buriedBy[x.user] = x.node
	}
	var ids, users []string // of what a has buried
	for page, err := range b.api().Dead("default", "", 0) {
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range page {
			if buriedBy[l.Subject] == "a/1" {
				ids, users = append(ids, l.ID), append(users, l.Subject)
			}
		}
	}
	if len(ids) < 2 {
		t.Fatalf("a has buried %d", len(ids))
	}
	f.backend.setOf(users[0], up)
	if n, err := b.api().Change(adminapi.Replay, "default", adminapi.Selection{IDs: ids[:1]}); n != 1 || err != nil {
		t.Fatalf("replayed %d, %v", n, err)
	}
	f.untilTaken(10*time.Second, event{users[0], 2})
	if n, err := b.api().Change(adminapi.Drop, "default", adminapi.Selection{IDs: ids[1:]}); n != len(ids)-1 || err != nil {
		t.Fatalf("dropped %d, %v", n, err)
	}
	for _, u := range refused {
		if slices.Contains(users[1:], u.name) {
			u.sent = nil
		}
	}
	for _, n := range nodes {
		n.until(10*time.Second, func(q adminapi.Queue) bool { return q.Dead == len(refused)-len(ids) && q.Waiting+q.InFlight == 0 }, "replayed and dropped ones are gone")
	}
	f.mustAddUp()
	f.backend.set(down)
	for range 4 {
		f.sendAll(1)
	}
	f.mustAddUp()
	f.backend.set(up)
	for _, u := range refused {
		f.backend.setOf(u.name, up)
	}
	f.settle(allowed{})
	f.mustAddUp()
}

// mustAddUp waits until the metrics of all nodes add up to the totals that each of them tells.
func (f *fleet) mustAddUp() {
	f.t.Helper()
	var sums, totals counts
	caddytest.Within(f.t, 15*time.Second, func() bool {
		sums = counts{}
		for _, n := range f.nodes {
			got, err := n.counts()
			if err != nil {
				return false
			}
			sums.Waiting, sums.Dead, sums.Bytes = sums.Waiting+got.Waiting, sums.Dead+got.Dead, sums.Bytes+got.Bytes
		}
		for _, n := range f.nodes {
			state, err := n.state()
			if totals = (counts{state.Waiting + state.InFlight, state.Dead, state.Bytes}); err != nil || totals != sums {
				return false
			}
		}
		return true
	}, "the metrics %s add up to %s", shown{&sums}, shown{&totals})
}

// counts are the numbers of a queue. Waiting includes what is in flight.
type counts struct {
	Waiting, Dead int
	Bytes         int64
}

// counts returns what the node's metrics tell of the queue.
func (n *node) counts() (c counts, err error) {
	found, err := n.metrics()
	if err != nil {
		return c, err
	}
	of := func(state string) int {
		return int(found[caddytest.QueueSeries("queue_events", "default", "state", state)])
	}
	return counts{of("waiting") + of("in_flight"), of("dead"), int64(found[`caddy_tim_callback_queue_bytes{queue="default"}`])}, nil
}

// metrics returns the node's metrics, values by name and labels.
func (n *node) metrics() (map[string]float64, error) {
	resp, err := adminClient.Get(fmt.Sprintf("http://localhost:%d/metrics", n.admin))
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("/metrics: %s", resp.Status)
	}
	found := make(map[string]float64)
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, text, _ := strings.Cut(lines.Text(), " ")
		if value, err := strconv.ParseFloat(text, 64); err == nil {
			found[name] = value
		}
	}
	return found, lines.Err()
}
