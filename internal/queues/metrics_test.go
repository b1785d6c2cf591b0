package queues_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"

	_ "github.com/d13c7061/caddy-tim-callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

// wantQueueSeries checks that a queue has all its series.
func wantQueueSeries(t *testing.T, found caddytest.Series, queue string) {
	t.Helper()
	names := []string{
		fmt.Sprintf("caddy_tim_callback_queue_oldest_seconds{queue=%q}", queue),
		fmt.Sprintf("caddy_tim_callback_queue_bytes{queue=%q}", queue),
		fmt.Sprintf("caddy_tim_callback_queue_spooled_events{queue=%q}", queue),
		fmt.Sprintf("caddy_tim_callback_delivery_seconds_count{queue=%q}", queue),
	}
	for _, state := range []string{"waiting", "in_flight", "dead"} {
		names = append(names, caddytest.QueueSeries("queue_events", queue, "state", state))
	}
	for _, outcome := range []string{"delivered", "retried", "dead"} {
		names = append(names, caddytest.QueueSeries("deliveries_total", queue, "result", outcome))
	}
	for _, name := range names {
		if _, ok := found[name]; !ok {
			t.Errorf("no %s", name)
		}
	}
}

// ofQueues returns the series that have a queue.
func ofQueues(found caddytest.Series, queue string) (names []string) {
	for name := range found {
		if strings.Contains(name, fmt.Sprintf("queue=%q", queue)) {
			names = append(names, name)
		}
	}
	return names
}

// TestQueueMetrics follows events through a queue that two sites share.
func TestQueueMetrics(t *testing.T) {
	backend := caddytest.StartBackend(t)
	address := backend.Address
	backend.Answer(http.StatusServiceUnavailable)
	dir := t.TempDir()
	handler := "tim_callback 1400000000 xxxxyyyy {\n" + caddytest.QueueBlock(dir, address, "") + "\n}"
	e := &caddytest.Edge{AdminAddress: fmt.Sprintf("localhost:%d", caddytest.FreePort())}
	e.Sites = fmt.Sprintf("http://localhost:%d {\n%s\n}", caddytest.FreePort(), handler)
	e.Start(t, handler)

	found := e.Metrics()
	wantQueueSeries(t, found, "default")
	for _, name := range ofQueues(found, "default") {
		if found[name] != 0 {
			t.Errorf("%s is %g at the start", name, found[name])
		}
	}
	value := func(metric, label, value string) float64 {
		return e.Metrics()[caddytest.QueueSeries(metric, "default", label, value)]
	}
	const oldest = `caddy_tim_callback_queue_oldest_seconds{queue="default"}`

	e.Want(200, "OK")
	e.Want(200, "OK") // the same again, which is as good
	caddytest.Eventually(t, func() bool { return value("deliveries_total", "result", "retried") > 1 }, "no retry is counted")
	found = e.Metrics()
	if events := found[caddytest.QueueSeries("queue_events", "default", "state", "waiting")] + found[caddytest.QueueSeries("queue_events", "default", "state", "in_flight")]; events != 1 || found[oldest] <= 0 {
		t.Errorf("%g events, the oldest for %gs", events, found[oldest])
	}
	if bytes := found[`caddy_tim_callback_queue_bytes{queue="default"}`]; bytes < float64(len(sample.Body)) {
		t.Errorf("an event of %d bytes takes %g", len(sample.Body), bytes)
	}
	if n := found[`caddy_tim_callback_requests_total{result="ok"}`]; n < 2 {
		t.Errorf("%g answered OK", n)
	}
	backend.Answer(http.StatusNotFound)
	caddytest.Eventually(t, func() bool { return value("queue_events", "state", "dead") == 1 }, "no dead letter is counted")
	backend.Answer(http.StatusOK)
	if status, _, err := e.Send(e.Client, caddytest.SignedQuery(), caddytest.BodyOf("a", 1)); status != 200 {
		t.Fatalf("%d %v", status, err)
	}
	caddytest.WaitEmpty(t, "default")
	found = e.Metrics()
	attempts := 0.0
	for outcome, want := range map[string]float64{"delivered": 1, "dead": 1, "retried": -1} {
		n := found[caddytest.QueueSeries("deliveries_total", "default", "result", outcome)]
		if attempts += n; want >= 0 && n != want {
			t.Errorf("%g %s, want %g", n, outcome, want)
		}
	}
	if n := found[`caddy_tim_callback_delivery_seconds_count{queue="default"}`]; n != attempts {
		t.Errorf("%g times, %g attempts", n, attempts)
	}
	if found[oldest] != 0 {
		t.Errorf("the oldest is %gs old in an empty queue", found[oldest])
	}
}

// TestMetricsAcrossReloads has good and bad configurations loaded while somebody
// scrapes all the time.
func TestMetricsAcrossReloads(t *testing.T) {
	address := caddytest.StartBackend(t).Address
	dir := t.TempDir()
	site := func(name, file string) string {
		return fmt.Sprintf("tim_callback 1400000000 xxxxyyyy {\nqueue %s {\nstore file %q\ndeliver {\nreverse_proxy %s\n}\n}\n}", name, filepath.Join(dir, file), address)
	}
	e := &caddytest.Edge{AdminAddress: fmt.Sprintf("localhost:%d", caddytest.FreePort())}
	e.Start(t, site("one", "a.db"))

	stop := make(chan struct{})
	var scraper sync.WaitGroup
	scraper.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := caddytest.Scrape(); err != nil {
				t.Errorf("a scrape failed: %v", err)
				return
			}
		}
	})
	defer scraper.Wait()
	defer close(stop)

	delivered := func(found caddytest.Series, queue string) float64 {
		return found[caddytest.QueueSeries("deliveries_total", queue, "result", "delivered")]
	}
	user := 0
	deliver := func(queue string) {
		t.Helper()
		user++
		if status, _, err := e.Send(e.Client, caddytest.SignedQuery(), caddytest.BodyOf(fmt.Sprint("u", user), user)); status != 200 {
			t.Fatalf("%d %v", status, err)
		}
		caddytest.WaitEmpty(t, queue)
	}
	answered := func(found caddytest.Series) float64 { return found[`caddy_tim_callback_requests_total{result="ok"}`] }
	before := answered(e.Metrics())
	deliver("one")

	e.Load(site("one", "a.db") + "\nheader X y") // nothing about the queue
	deliver("one")
	if found := e.Metrics(); delivered(found, "one") != 2 || answered(found) != before+2 {
		t.Errorf("after a reload %g delivered, %g answered", delivered(found, "one"), answered(found)-before)
	}
	e.Load(site("one", "b.db")) // moved, so that there are two of the name for a moment
	deliver("one")
	found := e.Metrics()
	wantQueueSeries(t, found, "one")
	if delivered(found, "one") != 3 {
		t.Errorf("after a move %g delivered", delivered(found, "one"))
	}

	for name, config := range map[string]string{
		"handler":   `{"apps":{"http":{"servers":{"x":{"listen":[":0"],"routes":[{"handle":[{"handler":"tim_callback"}]}]}}}}}`,
		"other app": `{"apps":{"no_such_app":{}}}`,
		"start":     `{"apps":{"tim_callback":{},"http":{"servers":{"x":{"listen":["256.0.0.1:1"]}}}}}`,
		"queue":     `{"apps":{"http":{"servers":{"x":{"listen":[":0"],"routes":[{"handle":[{"handler":"tim_callback","apps":[{"sdk_appid":"1","tokens":["a"]}],"queue":{"name":"bad","store":{"store":"file","path":"/dev/null/x"},"deliver":[{"handle":[{"handler":"static_response"}]}]}}]}]}}}}}`,
	} {
		if err := caddy.Load([]byte(strings.Replace(config, "{", fmt.Sprintf(`{"admin":{"listen":%q},`, e.AdminAddress), 1)), true); err == nil {
			t.Fatalf("%s: a bad configuration was loaded", name)
		}
		deliver("one")
		found := e.Metrics()
		wantQueueSeries(t, found, "one")
		if left := ofQueues(found, "bad"); len(left) > 0 {
			t.Errorf("%s: series of a queue that never was: %v", name, left)
		}
		if delivered(found, "one") != float64(user) || answered(found) != before+float64(user) {
			t.Errorf("%s: after a failed reload %g delivered and %g answered, want %d", name, delivered(found, "one"), answered(found)-before, user)
		}
	}

	e.Load(site("two", "b.db")) // the same file under another name
	deliver("two")
	found = e.Metrics()
	wantQueueSeries(t, found, "two")
	if left := ofQueues(found, "one"); len(left) > 0 {
		t.Errorf("series of a queue that is gone: %v", left)
	}
	e.Load("tim_callback 1400000000 xxxxyyyy {\nanswer ack\n}")
	e.Want(200, "OK")
	found = e.Metrics()
	if left := ofQueues(found, "two"); len(left) > 0 {
		t.Errorf("series of a queue that is gone: %v", left)
	}
	if answered(found) < before+float64(user) {
		t.Errorf("%g answered, want %g", answered(found), before+float64(user))
	}
}
