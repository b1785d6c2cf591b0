package timcallback

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

func queueSeries(metric, queue, label, value string) string {
	return fmt.Sprintf("caddy_tim_callback_%s{queue=%q,%s=%q}", metric, queue, label, value)
}

// wantQueueSeries checks that a queue has all its series.
func wantQueueSeries(t *testing.T, found series, queue string) {
	t.Helper()
	names := []string{
		fmt.Sprintf("caddy_tim_callback_queue_oldest_seconds{queue=%q}", queue),
		fmt.Sprintf("caddy_tim_callback_delivery_seconds_count{queue=%q}", queue),
	}
	for _, state := range []string{"waiting", "in_flight", "dead"} {
		names = append(names, queueSeries("queue_events", queue, "state", state))
	}
	for _, outcome := range []string{"delivered", "retried", "dead"} {
		names = append(names, queueSeries("deliveries_total", queue, "result", outcome))
	}
	for _, name := range names {
		if _, ok := found[name]; !ok {
			t.Errorf("no %s", name)
		}
	}
}

// ofQueues returns the series that have a queue.
func ofQueues(found series, queue string) (names []string) {
	for name := range found {
		if strings.Contains(name, fmt.Sprintf("queue=%q", queue)) {
			names = append(names, name)
		}
	}
	return names
}

// metrics scrapes the admin endpoint.
func (e *edge) metrics() series {
	e.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var found series
	eventually(e.t, func() bool { // a reload replaces the endpoint
		resp, err := client.Get("http://" + e.adminAddress + "/metrics")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			e.t.Fatalf("/metrics: %s", resp.Status)
		}
		if found, err = parseSeries(resp.Body); err != nil {
			e.t.Fatal(err)
		}
		return true
	}, "no /metrics")
	return found
}

// TestQueueMetrics follows events through a queue that two sites share.
func TestQueueMetrics(t *testing.T) {
	backend, address := startTaker(t)
	backend.answer(http.StatusServiceUnavailable)
	dir := t.TempDir()
	handler := "tim_callback 1400000000 xxxxyyyy {\n" + queueBlock(dir, address, "") + "\n}"
	e := &edge{adminAddress: fmt.Sprintf("localhost:%d", freePort(t))}
	e.sites = fmt.Sprintf("http://localhost:%d {\n%s\n}", freePort(t), handler)
	e.start(t, handler)

	found := e.metrics()
	wantQueueSeries(t, found, "default")
	for _, name := range ofQueues(found, "default") {
		if found[name] != 0 {
			t.Errorf("%s is %g at the start", name, found[name])
		}
	}
	value := func(metric, label, value string) float64 {
		return e.metrics()[queueSeries(metric, "default", label, value)]
	}
	const oldest = `caddy_tim_callback_queue_oldest_seconds{queue="default"}`

	e.want(200, "OK")
	e.want(200, "OK") // the same again, which is as good
	eventually(t, func() bool { return value("deliveries_total", "result", "retried") > 1 }, "no retry is counted")
	found = e.metrics()
	if events := found[queueSeries("queue_events", "default", "state", "waiting")] + found[queueSeries("queue_events", "default", "state", "in_flight")]; events != 1 || found[oldest] <= 0 {
		t.Errorf("%g events, the oldest for %gs", events, found[oldest])
	}
	if n := found[requestSeries(resultOK)]; n < 2 {
		t.Errorf("%g answered OK", n)
	}
	backend.answer(http.StatusNotFound)
	eventually(t, func() bool { return value("queue_events", "state", "dead") == 1 }, "no dead letter is counted")
	backend.answer(http.StatusOK)
	if status, _, err := e.send(e.client, signedQuery(), withUser("a", 1)); status != 200 {
		t.Fatalf("%d %v", status, err)
	}
	waitEmpty(t, "default")
	found = e.metrics()
	attempts := 0.0
	for outcome, want := range map[string]float64{"delivered": 1, "dead": 1, "retried": -1} {
		n := found[queueSeries("deliveries_total", "default", "result", outcome)]
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

// TestResultsWithAQueue are those that only a queue has.
func TestResultsWithAQueue(t *testing.T) {
	backend, address := startTaker(t)
	backend.answer(http.StatusServiceUnavailable)
	e := startEdge(t, "tim_callback 1400000000 xxxxyyyy {\nanswer forward\n"+queueBlock(t.TempDir(), address, "max_events 1")+"\n}\nreverse_proxy "+address)
	for _, tc := range []struct {
		name   string
		status int
		want   result
	}{
		{"not forwarded but stored", 200, resultOK},
		{"stored before", 200, resultOK},
		{"no room", 503, resultQueueError},
	} {
		body := sample
		if tc.status != 200 {
			body = withUser("b", 1)
		}
		got := counted(t, func() {
			if status, _, err := e.send(e.client, signedQuery(), body); status != tc.status {
				t.Errorf("%s: %d %v", tc.name, status, err)
			}
		})
		if got != tc.want {
			t.Errorf("%s: counted as %s, want %s", tc.name, got, tc.want)
		}
	}
	backend.answer(http.StatusOK)
	waitEmpty(t, "default")
}

// TestMetricsAcrossReloads has good and bad configurations loaded while somebody
// scrapes all the time.
func TestMetricsAcrossReloads(t *testing.T) {
	_, address := startTaker(t)
	dir := t.TempDir()
	site := func(name, file string) string {
		return fmt.Sprintf("tim_callback 1400000000 xxxxyyyy {\nqueue %s {\nstore file %q\ndeliver {\nreverse_proxy %s\n}\n}\n}", name, filepath.Join(dir, file), address)
	}
	e := &edge{adminAddress: fmt.Sprintf("localhost:%d", freePort(t))}
	e.start(t, site("one", "a.db"))

	stop := make(chan struct{})
	var scraper sync.WaitGroup
	scraper.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := scrape(); err != nil {
				t.Errorf("a scrape failed: %v", err)
				return
			}
		}
	})
	defer scraper.Wait()
	defer close(stop)

	delivered := func(found series, queue string) float64 {
		return found[queueSeries("deliveries_total", queue, "result", "delivered")]
	}
	user := 0
	deliver := func(queue string) {
		t.Helper()
		user++
		if status, _, err := e.send(e.client, signedQuery(), withUser(fmt.Sprint("u", user), user)); status != 200 {
			t.Fatalf("%d %v", status, err)
		}
		waitEmpty(t, queue)
	}
	answered := func(found series) float64 { return found[requestSeries(resultOK)] }
	before := answered(e.metrics())
	deliver("one")

	e.load(site("one", "a.db") + "\nheader X y") // nothing about the queue
	deliver("one")
	if found := e.metrics(); delivered(found, "one") != 2 || answered(found) != before+2 {
		t.Errorf("after a reload %g delivered, %g answered", delivered(found, "one"), answered(found)-before)
	}
	e.load(site("one", "b.db")) // moved, so that there are two of the name for a moment
	deliver("one")
	found := e.metrics()
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
		if err := caddy.Load([]byte(strings.Replace(config, "{", fmt.Sprintf(`{"admin":{"listen":%q},`, e.adminAddress), 1)), true); err == nil {
			t.Fatalf("%s: a bad configuration was loaded", name)
		}
		deliver("one")
		found := e.metrics()
		wantQueueSeries(t, found, "one")
		if left := ofQueues(found, "bad"); len(left) > 0 {
			t.Errorf("%s: series of a queue that never was: %v", name, left)
		}
		if delivered(found, "one") != float64(user) || answered(found) != before+float64(user) {
			t.Errorf("%s: after a failed reload %g delivered and %g answered, want %d", name, delivered(found, "one"), answered(found)-before, user)
		}
	}

	e.load(site("two", "b.db")) // the same file under another name
	deliver("two")
	found = e.metrics()
	wantQueueSeries(t, found, "two")
	if left := ofQueues(found, "one"); len(left) > 0 {
		t.Errorf("series of a queue that is gone: %v", left)
	}
	e.load("tim_callback 1400000000 xxxxyyyy {\nanswer ack\n}")
	e.want(200, "OK")
	found = e.metrics()
	if left := ofQueues(found, "two"); len(left) > 0 {
		t.Errorf("series of a queue that is gone: %v", left)
	}
	if answered(found) < before+float64(user) {
		t.Errorf("%g answered, want %g", answered(found), before+float64(user))
	}
}
