package caddytest

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
)

// QueueBlock returns the block of a queue whose file is in dir and whose events are
// delivered to an address, with short waits between attempts. more is added to it.
func QueueBlock(dir, address, more string) string {
	return fmt.Sprintf("queue {\nstore file %q\ndeliver {\nreverse_proxy %s\n}\nretry 20ms 100ms\n%s\n}", filepath.Join(dir, "q.db"), address, more)
}

// Counts is how many events a queue of this process holds.
type Counts struct{ Waiting, InFlight, Dead, Spooled int }

// Queue returns what a queue of this process holds, as its metrics tell. It returns
// false if there is no such queue.
func Queue(tb testing.TB, name string) (c Counts, ok bool) {
	tb.Helper()
	found := MustScrape(tb)
	for state, n := range map[string]*int{"waiting": &c.Waiting, "in_flight": &c.InFlight, "dead": &c.Dead} {
		var value float64
		value, ok = found[QueueSeries("queue_events", name, "state", state)]
		*n = int(value)
	}
	c.Spooled = int(found[fmt.Sprintf("caddy_tim_callback_queue_spooled_events{queue=%q}", name)])
	return c, ok
}

// QueueSeries is the name of a series that a queue has for each value of a label.
func QueueSeries(metric, queue, label, value string) string {
	return fmt.Sprintf("caddy_tim_callback_%s{queue=%q,%s=%q}", metric, queue, label, value)
}

// WaitEmpty waits until a queue of this process has nothing left to deliver.
func WaitEmpty(tb testing.TB, name string) {
	tb.Helper()
	Eventually(tb, func() bool {
		c, ok := Queue(tb, name)
		return ok && c.Waiting+c.InFlight+c.Spooled == 0
	}, "queue %s becomes empty", name)
}

// QueueOf asks an admin endpoint for the state of a queue, which must be there.
func QueueOf(tb testing.TB, client adminapi.Client, name string) adminapi.Queue {
	tb.Helper()
	queues, err := client.Queues()
	if err != nil {
		tb.Fatal(err)
	}
	for _, q := range queues {
		if q.Name == name {
			return q
		}
	}
	tb.Fatalf("no queue %s in %+v", name, queues)
	return adminapi.Queue{}
}
