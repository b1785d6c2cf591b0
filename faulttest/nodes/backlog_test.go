package nodes

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
)

// backlog is how many events wait in the test of a backlog.
func backlog() int {
	if text := os.Getenv("TIM_CALLBACK_BACKLOG"); text != "" {
		if n, err := strconv.Atoi(text); err == nil {
			return n
		}
	}
	return 100_000
}

// TestBacklog is case 12: a long backlog waits, and the backend is down. Each node only probes it, and keeps
// little of the backlog in memory. The environment variable TIM_CALLBACK_BACKLOG sets its length, such as 1000000.
func TestBacklog(t *testing.T) {
	needLong(t)
	f := newFleet(t, 0, 4)
	f.backend.set(down)
	a, b := f.node("a"), f.node("b")
	for _, n := range f.nodes {
		n.retry, n.more = "1s 2s", fmt.Sprint("max_events ", backlog()+1000)
	}
	a.start()
	a.untilAll()
	f.sendAll(1)
	a.until(10*time.Second, func(q adminapi.Queue) bool { return q.Waiting+q.InFlight == 4 }, "some wait")
	before := a.memory()
	f.addBacklog(backlog())
	wait := 30*time.Second + time.Duration(backlog()/10_000)*time.Second
	a.until(wait, func(q adminapi.Queue) bool { return q.Node.Waiting+q.Node.InFlight >= backlog() }, "it knows of the whole backlog")
	// the time in which it finds out that the backend is down
	probed := func(name string, since time.Time) int {
		return f.backend.count(func(x *arrival) bool { return x.node == name+"/1" && x.at.After(since) })
	}
	time.Sleep(3 * time.Second)
	f.mustOnlyProbe(4*time.Second, time.Second, a)
	used := a.memory() - before
	t.Logf("a backlog of %d takes %d MB of memory; %d attempts of a", backlog(), used>>20, probed("a", time.Time{}))
	if limit := backlog()*200 + 40<<20; used > limit {
		t.Errorf("that is more than %d MB", limit>>20)
	}
	b.start()
	f.even(a, b)
	b.until(wait, func(q adminapi.Queue) bool { return q.Node.Waiting+q.Node.InFlight > backlog()/4 }, "it knows of its part of the backlog")
	time.Sleep(3 * time.Second)
	f.mustOnlyProbe(4*time.Second, time.Second, a, b)
	written := f.primary.Query("SELECT count(*) FROM tim_callback.event WHERE attempts IS NOT NULL")
	if n, _ := strconv.Atoi(written); n > len(f.backend.arrivals()) {
		t.Errorf("%d events were written after %d attempts", n, len(f.backend.arrivals()))
	}
}

// mustOnlyProbe checks that nodes make at most one attempt in each interval.
func (f *fleet) mustOnlyProbe(during, interval time.Duration, nodes ...*node) {
	f.t.Helper()
	since := time.Now()
	time.Sleep(during)
	until := time.Now()
	for _, n := range nodes {
		probes := f.backend.count(func(x *arrival) bool {
			return strings.HasPrefix(x.node, n.name+"/") && x.at.After(since) && x.at.Before(until)
		})
		if most := int(until.Sub(since)/interval) + 1; probes > most || probes == 0 {
			f.t.Errorf("node %s has made %d attempts in %s, want 1 to %d", n.name, probes, until.Sub(since), most)
		}
	}
}

// addBacklog copies an event that waits, for other users.
func (f *fleet) addBacklog(n int) {
	f.t.Helper()
	prefix := strconv.Itoa(rand.IntN(1_000_000))
	f.primary.Exec(fmt.Sprintf(`WITH one AS (
			SELECT * FROM tim_callback.event WHERE state = 0 LIMIT 1
		), added AS (
			INSERT INTO tim_callback.event (queue, part, key, keyhash, id, received, payload)
			SELECT queue, hash & 63, new.key, hash, new.key, received, payload FROM one, (
				SELECT key, ('x' || left(encode(sha256(key), 'hex'), 16))::bit(64)::bigint AS hash
				FROM (SELECT convert_to('%s-' || i, 'UTF8') AS key FROM generate_series(1, %d) i) k
			) new RETURNING queue, length(payload) + length(key) + length(id) + 64 AS size
		) UPDATE tim_callback.tally t SET waiting = waiting + (SELECT count(*) FROM added), bytes = bytes + (SELECT sum(size) FROM added)
		WHERE (t.queue, t.node, t.slot) IN (SELECT queue, node, slot FROM tim_callback.tally LIMIT 1)`, prefix, n))
}
