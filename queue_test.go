package timcallback

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// taker is a backend that takes events, or does not.
type taker struct {
	mu       sync.Mutex
	status   int
	requests []*http.Request
	bodies   []string
}

func startTaker(t *testing.T) (b *taker, address string) {
	t.Helper()
	b = &taker{status: http.StatusNoContent}
	return b, startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.requests = append(b.requests, r)
		b.bodies = append(b.bodies, string(body))
		w.WriteHeader(b.status)
	})
}

func (b *taker) answer(status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status = status
}

func (b *taker) got() (requests []*http.Request, bodies []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests[:len(b.requests):len(b.requests)], b.bodies[:len(b.bodies):len(b.bodies)]
}

// queueBlock is a queue in a folder of the test's own, delivered to an address.
func queueBlock(dir, address, more string) string {
	return fmt.Sprintf("queue {\nstore file %q\ndeliver {\nreverse_proxy %s\n}\nretry 20ms 100ms\n%s\n}", filepath.Join(dir, "q.db"), address, more)
}

// withUser is the sample of another user, with the n-th change of theirs.
func withUser(user string, n int) string {
	body := strings.ReplaceAll(sample, `"id1"`, fmt.Sprintf("%q", user))
	return strings.Replace(body, "1656921052497", fmt.Sprint(1656921052497+n), 1)
}

// queues asks the queues of this process for their state.
func queues() map[string]adminapi.Queue {
	infos := make(map[string]adminapi.Queue)
	for _, info := range queueInfos() {
		infos[info.Name] = info
	}
	return infos
}

func waitEmpty(t *testing.T, name string) {
	t.Helper()
	eventually(t, func() bool { q, ok := queues()[name]; return ok && q.Waiting+q.InFlight == 0 }, "queue %s does not become empty", name)
}

func TestAcknowledgeAndDeliver(t *testing.T) {
	backend, address := startTaker(t)
	dir := t.TempDir()
	e := startEdge(t, "tim_callback /im/callback 1400000000 xxxxyyyy {\nsign "+testSecret+"\n"+queueBlock(dir, address, "")+"\n}")
	backend.answer(http.StatusServiceUnavailable)
	e.want(200, "OK")
	e.want(200, "OK") // the same callback again
	eventually(t, func() bool { requests, _ := backend.got(); return len(requests) >= 3 }, "it is not tried again")
	backend.answer(http.StatusOK)
	waitEmpty(t, "default")

	requests, bodies := backend.got()
	id := profile.EventID(testApp, profile.Command, []byte(sample))
	secret, _ := profile.ParseSecret(testSecret)
	for i, r := range requests {
		if bodies[i] != normalizedSample || r.Header.Get("Ce-Id") != id || r.Header.Get("Webhook-Id") != id {
			t.Errorf("attempt %d: %v %s", i, r.Header, bodies[i])
		}
		if err := profile.VerifyWebhook(r.Header, []byte(bodies[i]), time.Now(), time.Minute, secret); err != nil {
			t.Error(err)
		}
		if r.Host != fmt.Sprintf("localhost:%d", e.port) || r.Header.Get("X-Forwarded-Proto") != "https" || r.Header.Get("X-Forwarded-For") != "127.0.0.1" {
			t.Errorf("attempt %d does not look like the callback: %s %v", i, r.Host, r.Header)
		}
		if query := r.URL.Query(); query.Has("Sign") || query.Has("RequestTime") || query.Get("SdkAppid") != testApp {
			t.Errorf("attempt %d: query %v", i, query)
		}
	}
	before := len(requests)
	e.want(200, "OK") // delivered less than ten minutes ago
	waitEmpty(t, "default")
	if requests, _ := backend.got(); len(requests) != before {
		t.Error("a duplicate was delivered")
	}
	e.loggedNoSecrets()
	if file, err := os.ReadFile(filepath.Join(dir, "q.db")); err != nil || strings.Contains(string(file), "Sign=") || strings.Contains(string(file), testToken) {
		t.Errorf("the queue file holds a Sign: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "q.db")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the queue file: %v %v", info.Mode(), err)
	}
}

// TestOrderOfAUser has a backend that fails now and then.
func TestOrderOfAUser(t *testing.T) {
	var mu sync.Mutex
	took := make(map[string][]string)
	var n atomic.Int64
	address := startBackend(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%3 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		user := r.Header.Get("Ce-Subject")
		took[user] = append(took[user], r.Header.Get("Ce-Time"))
	})
	e := startEdge(t, "tim_callback 1400000000 xxxxyyyy {\n"+queueBlock(t.TempDir(), address, "workers 8")+"\n}")
	var wg sync.WaitGroup
	for user := range 10 {
		wg.Go(func() {
			for i := range 10 {
				if status, _, err := e.send(e.client, signedQuery(), withUser(fmt.Sprint("u", user), i)); status != 200 {
					t.Errorf("%d %v", status, err)
				}
			}
		})
	}
	wg.Wait()
	waitEmpty(t, "default")
	for user, times := range took {
		if len(times) != 10 {
			t.Errorf("%s: %d events", user, len(times))
		}
		for i := range times[1:] {
			if times[i] >= times[i+1] {
				t.Errorf("%s: %v", user, times)
			}
		}
	}
}

func TestForwardWithSafetyNet(t *testing.T) {
	direct, directAddress := startTaker(t)
	later, laterAddress := startTaker(t)
	later.answer(http.StatusServiceUnavailable)
	e := startEdge(t, "tim_callback 1400000000 xxxxyyyy {\nanswer forward\ntimeout 600ms\n"+queueBlock(t.TempDir(), laterAddress, "")+"\n}\nreverse_proxy "+directAddress)
	send := func(user string, n int) {
		t.Helper()
		if status, a, err := e.send(e.client, signedQuery(), withUser(user, n)); status != 200 || a != profile.OK() {
			t.Errorf("%d %+v %v", status, a, err)
		}
	}
	send("a", 1)
	if requests, _ := direct.got(); len(requests) != 1 || queues()["default"].Waiting != 0 {
		t.Error("it was not forwarded, or stored all the same")
	}
	direct.answer(http.StatusInternalServerError)
	send("a", 2)
	direct.answer(http.StatusNoContent)
	send("a", 3) // must not overtake the one before
	send("b", 1)
	if requests, _ := direct.got(); len(requests) != 3 {
		t.Errorf("%d forwards, want a1, a2 and b1", len(requests))
	}
	later.answer(http.StatusNoContent)
	waitEmpty(t, "default")
	var times []string
	requests, _ := later.got()
	for _, r := range requests {
		if t := r.Header.Get("Ce-Time"); r.Header.Get("Ce-Subject") == "a" && (len(times) == 0 || times[len(times)-1] != t) {
			times = append(times, t)
		}
	}
	if len(times) != 2 || times[0] >= times[1] {
		t.Errorf("delivered %v", times)
	}
}

// TestSafetyNetAgainstStubbornHandlers stores what a handler does not let go of in time.
func TestSafetyNetAgainstStubbornHandlers(t *testing.T) {
	backend, address := startTaker(t)
	e := startEdge(t, "tim_callback 1400000000 xxxxyyyy {\nanswer forward\ntimeout 800ms\n"+queueBlock(t.TempDir(), address, "")+`
	}
	reverse_proxy 127.0.0.1:1 {
		lb_try_duration 3s
	}`)
	if took := e.want(200, "OK"); took > 1500*time.Millisecond {
		t.Errorf("answered after %s", took)
	}
	waitEmpty(t, "default")
	if requests, _ := backend.got(); len(requests) != 1 {
		t.Errorf("%d deliveries", len(requests))
	}
}

func TestFullQueue(t *testing.T) {
	backend, address := startTaker(t)
	backend.answer(http.StatusServiceUnavailable)
	dir := t.TempDir()
	e := startEdge(t, "tim_callback 1400000000 xxxxyyyy {\n"+queueBlock(dir, address, "max_events 2")+"\n}")
	for n, want := range []int{200, 200, 503} {
		if status, _, err := e.send(e.client, signedQuery(), withUser("a", n)); status != want {
			t.Errorf("callback %d: %d %v", n, status, err)
		}
	}
	e.logged("callback not stored", "full")
	e.load("tim_callback 1400000000 xxxxyyyy {\n" + queueBlock(dir, address, "max_events 3") + "\n}")
	if status, _, err := e.send(e.client, signedQuery(), withUser("a", 2)); status != 200 {
		t.Errorf("after a reload made room: %d %v", status, err)
	}
	backend.answer(http.StatusOK)
	waitEmpty(t, "default")
	if status, _, err := e.send(e.client, signedQuery(), withUser("a", 3)); status != 200 {
		t.Errorf("after there was room: %d %v", status, err)
	}
	waitEmpty(t, "default")
}

// TestQueueOutlivesReload reloads while the backend is down; the events must be
// delivered by the newest configuration, and a failed one must change nothing.
func TestQueueOutlivesReload(t *testing.T) {
	backend, address := startTaker(t)
	dir := t.TempDir()
	site := func(address string, workers int) string {
		return "tim_callback 1400000000 xxxxyyyy {\n" + queueBlock(dir, address, fmt.Sprint("workers ", workers)) + "\n}"
	}
	e := startEdge(t, site("127.0.0.1:1", 1))
	for n := range 5 {
		if status, _, err := e.send(e.client, signedQuery(), withUser("a", n)); status != 200 {
			t.Fatalf("%d %v", status, err)
		}
	}
	e.load(site("127.0.0.1:1", 2))
	if err := caddy.Load([]byte(`{"apps":{"tim_callback":{},"http":{"servers":{"x":{"listen":["256.0.0.1:1"]}}}}}`), true); err == nil {
		t.Error("a configuration that cannot listen was loaded")
	}
	if q := queues()["default"]; q.Waiting+q.InFlight != 5 {
		t.Errorf("%+v", q)
	}
	e.load(site(address, 4))
	waitEmpty(t, "default")
	requests, _ := backend.got()
	if len(requests) != 5 {
		t.Errorf("%d deliveries, want 5", len(requests))
	}
}

func TestQueueConfigErrors(t *testing.T) {
	site := func(queues ...string) string {
		text := "{\nadmin off\n}\n"
		for i, q := range queues {
			text += fmt.Sprintf(":%d {\ntim_callback 1 a {\n%s\n}\n}\n", 8443+i, q)
		}
		return text
	}
	deliver := "deliver {\nreverse_proxy 127.0.0.1:1\n}\n"
	for _, tc := range []struct {
		name   string
		queues []string
		want   string
	}{
		{"same twice", []string{"queue {\n" + deliver + "}", "queue {\n" + deliver + "}"}, ""},
		{"different", []string{"queue {\n" + deliver + "}", "queue {\nworkers 2\n" + deliver + "}"}, "workers"},
		{"different sign", []string{"sign " + testSecret + "\nqueue {\n" + deliver + "}", "queue {\n" + deliver + "}"}, "sign"},
		{"different deliver", []string{"queue {\n" + deliver + "}", "queue {\ndeliver {\nreverse_proxy 127.0.0.1:2\n}\n}"}, "deliver"},
		{"one path", []string{"queue a {\nstore file /tmp/x\n" + deliver + "}", "queue b {\nstore file /tmp/x\n" + deliver + "}"}, "/tmp/x"},
		{"retry the wrong way round", []string{"queue {\nretry 2s 1s\n" + deliver + "}"}, "shorter"},
		{"no deliver", []string{"queue {\nworkers 1\n}"}, "deliver is missing"},
		{"empty deliver", []string{"queue {\ndeliver {\n}\n}"}, "deliver"},
		{"bad name", []string{"queue A {\n" + deliver + "}"}, "name"},
		{"two names", []string{"queue a b {\n" + deliver + "}"}, "argument"},
		{"unknown store", []string{"queue {\nstore redis\n" + deliver + "}"}, "redis"},
		{"surplus path", []string{"queue {\nstore file a b\n" + deliver + "}"}, "argument"},
		{"zero workers", []string{"queue {\nworkers 0\n" + deliver + "}"}, "workers"},
		{"zero events", []string{"queue {\nmax_events 0\n" + deliver + "}"}, "max_events"},
		{"zero give up", []string{"queue {\ngive_up_after 0s\n" + deliver + "}"}, "give_up_after"},
		{"unknown word", []string{"queue {\nspeed 1\n" + deliver + "}"}, "speed"},
		{"word twice", []string{"queue {\nworkers 1\nworkers 1\n" + deliver + "}"}, "twice"},
		{"two queues", []string{"queue a {\n" + deliver + "}\nqueue b {\n" + deliver + "}"}, "twice"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := validate(site(tc.queues...))
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

// TestValidateOpensNothing: the file of a queue may be in use by a running Caddy.
func TestValidateOpensNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not-there")
	if err := validate("{\nadmin off\n}\n:8443 {\ntim_callback 1 a {\n" + queueBlock(dir, "127.0.0.1:1", "") + "\n}\n}"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("validating made %s", dir)
	}
}

func decodeJSON(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

// TestDeliveryRoute has placeholders, other handlers and the trace context in a
// delivery, and nothing else that the client sent.
func TestDeliveryRoute(t *testing.T) {
	backend, address := startTaker(t)
	e := startEdge(t, fmt.Sprintf(`tim_callback 1400000000 xxxxyyyy {
		body original
		queue {
			store file %q
			deliver {
				rewrite /v1/events/{http.tim_callback.command}?{query}
				reverse_proxy %s {
					header_up X-User {http.tim_callback.from_account}
					header_up X-Changed {http.tim_callback.changed}
				}
			}
		}
	}`, filepath.Join(t.TempDir(), "q.db"), address))
	req, err := http.NewRequest("POST", e.url()+"?x=1&"+signedQuery(), strings.NewReader(strings.ReplaceAll(sample, "id1", "com.tencent.im.张三")))
	if err != nil {
		t.Fatal(err)
	}
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	req.Header = http.Header{"Traceparent": {trace}, "Content-Type": {"application/json; charset=utf-8"}, "Cookie": {"a=b"}, "Ce-Forged": {"1"}, "Authorization": {"x"}}
	resp, err := e.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	waitEmpty(t, "default")
	requests, bodies := backend.got()
	if len(requests) != 1 || bodies[0] != strings.ReplaceAll(sample, "id1", "com.tencent.im.张三") {
		t.Fatalf("%d %v", len(requests), bodies)
	}
	r := requests[0]
	if r.URL.Path != "/v1/events/Profile.CallbackPortraitSet" || r.URL.Query().Get("x") != "1" || r.URL.Query().Has("Sign") {
		t.Errorf("URL %s", r.URL)
	}
	for name, want := range map[string]string{
		"X-User": "com.tencent.im.张三", "X-Changed": "nick,gender,allow_type,custom.Data", "Ce-Subject": "com.tencent.im.%E5%BC%A0%E4%B8%89", "Traceparent": trace,
		"Content-Type": "application/json; charset=utf-8", "Cookie": "", "Authorization": "", "Ce-Forged": "",
	} {
		if got := r.Header.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}
