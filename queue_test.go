package timcallback

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/queues"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
	"github.com/d13c7061/caddy-tim-callback/profile"
	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/queuetest"
)

// queued returns what the only queue holds.
func queued(t *testing.T) queue.Counts {
	t.Helper()
	return theQueue(t).Store.Counts()
}

func theQueue(t *testing.T) queues.Open {
	t.Helper()
	all := queues.Current()
	if len(all) != 1 {
		t.Fatalf("there are %d queues", len(all))
	}
	return all[0]
}

func TestAcknowledgeAndDeliver(t *testing.T) {
	backend := caddytest.StartBackend(t)
	address := backend.Address
	dir := t.TempDir()
	e := caddytest.StartEdge(t, "tim_callback /im/callback 1400000000 xxxxyyyy {\nsign "+testSecret+"\n"+caddytest.QueueBlock(dir, address, "")+"\n}")
	backend.Answer(http.StatusServiceUnavailable)
	e.Want(200, "OK")
	e.Want(200, "OK") // the same callback again
	caddytest.Eventually(t, func() bool { requests, _ := backend.Got(); return len(requests) >= 3 }, "it is not tried again")
	backend.Answer(http.StatusOK)
	caddytest.WaitEmpty(t, "default")

	requests, bodies := backend.Got()
	id := callback.EventID(sample.SDKAppID, profile.Command, "", []byte(sample.Body))
	secret, _ := callback.ParseSecret(testSecret)
	for i, r := range requests {
		if bodies[i] != sample.Normalized || r.Header.Get("Ce-Id") != id || r.Header.Get("Webhook-Id") != id {
			t.Errorf("attempt %d: %v %s", i, r.Header, bodies[i])
		}
		if err := callback.VerifyWebhook(r.Header, []byte(bodies[i]), time.Now(), time.Minute, secret); err != nil {
			t.Error(err)
		}
		if r.Host != fmt.Sprintf("localhost:%d", e.Port) || r.Header.Get("X-Forwarded-Proto") != "https" || r.Header.Get("X-Forwarded-For") != "127.0.0.1" {
			t.Errorf("attempt %d does not look like the callback: %s %v", i, r.Host, r.Header)
		}
		if query := r.URL.Query(); query.Has("Sign") || query.Has("RequestTime") || query.Get("SdkAppid") != sample.SDKAppID {
			t.Errorf("attempt %d: query %v", i, query)
		}
	}
	before := len(requests)
	e.Want(200, "OK") // delivered less than ten minutes ago
	caddytest.WaitEmpty(t, "default")
	if requests, _ := backend.Got(); len(requests) != before {
		t.Error("a duplicate was delivered")
	}
	e.LoggedNoSecrets()
	if file, err := os.ReadFile(filepath.Join(dir, "q.db")); err != nil || strings.Contains(string(file), "Sign=") || strings.Contains(string(file), sample.Token) {
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
	address := caddytest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1)%3 == 0 {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		user := r.Header.Get("Ce-Subject")
		took[user] = append(took[user], r.Header.Get("Ce-Time"))
	})
	e := caddytest.StartEdge(t, "tim_callback 1400000000 xxxxyyyy {\n"+caddytest.QueueBlock(t.TempDir(), address, "workers 8")+"\n}")
	var wg sync.WaitGroup
	for user := range 10 {
		wg.Go(func() {
			for i := range 10 {
				if status, _, err := e.Send(e.Client, caddytest.SignedQuery(), caddytest.BodyOf(fmt.Sprint("u", user), i)); status != 200 {
					t.Errorf("%d %v", status, err)
				}
			}
		})
	}
	wg.Wait()
	caddytest.WaitEmpty(t, "default")
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
	direct := caddytest.StartBackend(t)
	directAddress := direct.Address
	later := caddytest.StartBackend(t)
	laterAddress := later.Address
	later.Answer(http.StatusServiceUnavailable)
	e := caddytest.StartEdge(t, "tim_callback 1400000000 xxxxyyyy {\nanswer forward\ntimeout 600ms\n"+caddytest.QueueBlock(t.TempDir(), laterAddress, "")+"\n}\nreverse_proxy "+directAddress)
	send := func(user string, n int) {
		t.Helper()
		if status, a, err := e.Send(e.Client, caddytest.SignedQuery(), caddytest.BodyOf(user, n)); status != 200 || a != callback.OK() {
			t.Errorf("%d %+v %v", status, a, err)
		}
	}
	send("a", 1)
	if requests, _ := direct.Got(); len(requests) != 1 || queued(t).Waiting != 0 {
		t.Error("it was not forwarded, or stored all the same")
	}
	direct.Answer(http.StatusInternalServerError)
	send("a", 2)
	direct.Answer(http.StatusNoContent)
	send("a", 3) // must not overtake the one before
	send("b", 1)
	if requests, _ := direct.Got(); len(requests) != 3 {
		t.Errorf("%d forwards, want a1, a2 and b1", len(requests))
	}
	later.Answer(http.StatusNoContent)
	caddytest.WaitEmpty(t, "default")
	var times []string
	requests, _ := later.Got()
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
	backend := caddytest.StartBackend(t)
	address := backend.Address
	e := caddytest.StartEdge(t, "tim_callback 1400000000 xxxxyyyy {\nanswer forward\ntimeout 800ms\n"+caddytest.QueueBlock(t.TempDir(), address, "")+`
	}
	reverse_proxy 127.0.0.1:1 {
		lb_try_duration 3s
	}`)
	if took := e.Want(200, "OK"); took > 1500*time.Millisecond {
		t.Errorf("answered after %s", took)
	}
	caddytest.WaitEmpty(t, "default")
	if requests, _ := backend.Got(); len(requests) != 1 {
		t.Errorf("%d deliveries", len(requests))
	}
}

func TestFullQueue(t *testing.T) {
	for limit, room := range map[string]string{"max_events 2": "max_events 3", "max_bytes 2KB": "max_bytes 3KB"} {
		t.Run(limit, func(t *testing.T) { testFullQueue(t, limit, room) })
	}
}

// testFullQueue sends three callbacks to a queue whose limit is reached by two, and
// makes room for the third.
func testFullQueue(t *testing.T, limit, room string) {
	backend := caddytest.StartBackend(t)
	address := backend.Address
	backend.Answer(http.StatusServiceUnavailable)
	dir := t.TempDir()
	e := caddytest.StartEdge(t, "tim_callback 1400000000 xxxxyyyy {\n"+caddytest.QueueBlock(dir, address, limit)+"\n}")
	for n, want := range []int{200, 200, 503} {
		if status, _, err := e.Send(e.Client, caddytest.SignedQuery(), caddytest.BodyOf("a", n)); status != want {
			t.Errorf("callback %d: %d %v", n, status, err)
		}
	}
	e.Logged("callback not stored", "full")
	q := queued(t)
	if q.Bytes < int64(2*len(sample.Body)) || q.Bytes > 2000 {
		t.Errorf("two events take %d bytes", q.Bytes)
	}
	if strings.HasPrefix(limit, "max_bytes") && theQueue(t).MaxBytes != 2000 {
		t.Errorf("the limit is %d bytes", theQueue(t).MaxBytes)
	}
	e.Load("tim_callback 1400000000 xxxxyyyy {\n" + caddytest.QueueBlock(dir, address, room) + "\n}")
	if status, _, err := e.Send(e.Client, caddytest.SignedQuery(), caddytest.BodyOf("a", 2)); status != 200 {
		t.Errorf("after a reload made room: %d %v", status, err)
	}
	backend.Answer(http.StatusOK)
	caddytest.WaitEmpty(t, "default")
	if status, _, err := e.Send(e.Client, caddytest.SignedQuery(), caddytest.BodyOf("a", 3)); status != 200 {
		t.Errorf("after there was room: %d %v", status, err)
	}
	caddytest.WaitEmpty(t, "default")
}

// TestQueueOutlivesReload reloads while the backend is down; the events must be
// delivered by the newest configuration, and a failed one must change nothing.
func TestQueueOutlivesReload(t *testing.T) {
	backend := caddytest.StartBackend(t)
	address := backend.Address
	dir := t.TempDir()
	site := func(address string, workers int) string {
		return "tim_callback 1400000000 xxxxyyyy {\n" + caddytest.QueueBlock(dir, address, fmt.Sprint("workers ", workers)) + "\n}"
	}
	e := caddytest.StartEdge(t, site("127.0.0.1:1", 1))
	for n := range 5 {
		if status, _, err := e.Send(e.Client, caddytest.SignedQuery(), caddytest.BodyOf("a", n)); status != 200 {
			t.Fatalf("%d %v", status, err)
		}
	}
	e.Load(site("127.0.0.1:1", 2))
	if err := caddy.Load([]byte(`{"apps":{"tim_callback":{},"http":{"servers":{"x":{"listen":["256.0.0.1:1"]}}}}}`), true); err == nil {
		t.Error("a configuration that cannot listen was loaded")
	}
	if q := queued(t); q.Waiting+q.InFlight != 5 {
		t.Errorf("%+v", q)
	}
	e.Load(site(address, 4))
	caddytest.WaitEmpty(t, "default")
	requests, _ := backend.Got()
	if len(requests) != 5 {
		t.Errorf("%d deliveries, want 5", len(requests))
	}
}

func TestQueueConfigErrors(t *testing.T) {
	site := func(queues ...string) string {
		text := "{\nadmin off\n}\n"
		for i, q := range queues {
			text += fmt.Sprintf("https://:%d {\ntls internal\ntim_callback 1 a {\n%s\n}\n}\n", 8443+i, q)
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
		{"unknown store", []string{"queue {\nstore redis\n" + deliver + "}"}, "the known ones are: file"},
		{"surplus path", []string{"queue {\nstore file a b\n" + deliver + "}"}, "argument"},
		{"zero workers", []string{"queue {\nworkers 0\n" + deliver + "}"}, "workers"},
		{"zero events", []string{"queue {\nmax_events 0\n" + deliver + "}"}, "max_events"},
		{"zero bytes", []string{"queue {\nmax_bytes 0\n" + deliver + "}"}, "max_bytes"},
		{"different bytes", []string{"queue {\nmax_bytes 1MB\n" + deliver + "}", "queue {\n" + deliver + "}"}, "max_bytes"},
		{"retain twice the same", []string{"queue {\nretain 24h\n" + deliver + "}", "queue {\nretain 1d 1GiB\n" + deliver + "}"}, ""},
		{"different retain", []string{"queue {\nretain 24h\n" + deliver + "}", "queue {\nretain 24h 1MB\n" + deliver + "}"}, "retain"},
		{"retain nothing", []string{"queue {\nretain 0s\n" + deliver + "}"}, "retain is not greater than zero"},
		{"retain no bytes", []string{"queue {\nretain 1h 0\n" + deliver + "}"}, "retain is not greater than zero"},
		{"retain too much", []string{"queue {\nretain 1h 1MB 2\n" + deliver + "}"}, "retain: wrong number of arguments"},
		{"zero give up", []string{"queue {\ngive_up_after 0s\n" + deliver + "}"}, "give_up_after"},
		{"unknown word", []string{"queue {\nspeed 1\n" + deliver + "}"}, "speed"},
		{"word twice", []string{"queue {\nworkers 1\nworkers 1\n" + deliver + "}"}, "twice"},
		{"unknown order", []string{"queue {\norder best\n" + deliver + "}"}, "neither lane nor none"},
		{"different order", []string{"queue {\norder none\n" + deliver + "}", "queue {\n" + deliver + "}"}, "order"},
		{"different body", []string{"body original\nqueue {\n" + deliver + "}", "queue {\n" + deliver + "}"}, "body"},
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

// TestDeclaredTwice has the two places named as the user knows them.
func TestDeclaredTwice(t *testing.T) {
	one := "queue {\ndeliver {\nrespond 200\n}\n}"
	two := "queue {\nworkers 2\ndeliver {\nrespond 200\n}\n}"
	site := func(address, queue string) string {
		return address + " {\ntls internal\ntim_callback 1 a {\n" + queue + "\n}\n}\n"
	}
	for _, tc := range []struct {
		name, sites string
		want        []string
	}{
		{"two ports", site("https://localhost:8443", one) + site("https://localhost:8444", two), []string{":8443 (localhost)", ":8444 (localhost)"}},
		{"two hosts", site("https://a.localhost:8443", one) + site("https://b.localhost:8443", two), []string{"for the site on :8443 (a.localhost) and again for the site on :8443 (b.localhost)"}},
		{
			"one site", "https://localhost:8443 {\ntls internal\ntim_callback /a 1 a {\n" + one + "\n}\ntim_callback /b 1 a {\n" + two + "\n}\n}",
			[]string{"twice for the site on :8443 (localhost), but with another workers"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			err := validate("{\nadmin off\nskip_install_trust\n}\n" + tc.sites)
			for _, want := range tc.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error %v, want %q", err, want)
				}
			}
		})
	}
}

// TestValidateOpensNothing: the file of a queue may be in use by a running Caddy.
func TestValidateOpensNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not-there")
	if err := validate("{\nadmin off\n}\nhttps://:8443 {\ntls internal\ntim_callback 1 a {\n" + caddytest.QueueBlock(dir, "127.0.0.1:1", "") + "\n}\n}"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !os.IsNotExist(err) {
		t.Errorf("validating made %s", dir)
	}
}

// TestDeliveryRoute has placeholders, other handlers and the trace context in a
// delivery, and nothing else that the client sent.
func TestDeliveryRoute(t *testing.T) {
	backend := caddytest.StartBackend(t)
	address := backend.Address
	e := caddytest.StartEdge(t, fmt.Sprintf(`tim_callback 1400000000 xxxxyyyy {
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
	req, err := http.NewRequest("POST", e.URL()+"?x=1&"+caddytest.SignedQuery(), strings.NewReader(strings.ReplaceAll(sample.Body, "id1", "com.tencent.im.张三")))
	if err != nil {
		t.Fatal(err)
	}
	const trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	req.Header = http.Header{"Traceparent": {trace}, "Content-Type": {"application/json; charset=utf-8"}, "Cookie": {"a=b"}, "Ce-Forged": {"1"}, "Authorization": {"x"}}
	resp, err := e.Client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	caddytest.WaitEmpty(t, "default")
	requests, bodies := backend.Got()
	if len(requests) != 1 || bodies[0] != strings.ReplaceAll(sample.Body, "id1", "com.tencent.im.张三") {
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

// memoryModule opens a store in memory.
type memoryModule struct{}

func (memoryModule) Location(name string) string { return "memory of " + name }
func (memoryModule) Place(name string) string    { return name }
func (memoryModule) Files(string) []string       { return nil }
func (memoryModule) Open(_ string, o queue.Options) (queue.Store, error) {
	return queuetest.NewMemory(o.Limits), nil
}

// TestLateAnswerSaysThatTheEventIsStored has a handler that goes on after Tencent was
// answered in its place.
func TestLateAnswerSaysThatTheEventIsStored(t *testing.T) {
	for _, withQueue := range []bool{false, true} {
		h, logs := provisioned(t, func(h *Handler) { h.Timeout = caddy.Duration(200 * time.Millisecond) })
		app := new(queues.App)
		status, action, why := http.StatusGatewayTimeout, callback.StatusFail, "did not stop then"
		if withQueue {
			h.Queue = &Queue{Name: t.Name()}
			declared, err := app.Declare(queues.Spec{Name: t.Name(), Module: memoryModule{}, Logger: zap.NewNop()}, "")
			if err != nil {
				t.Fatal(err)
			}
			h.queue = declared
			// one that is not open yet might hold events of the user
			if _, err := declared.Put(t.Context(), queue.Event{ID: "1", Key: "other"}); err != nil {
				t.Fatal(err)
			}
			status, action, why = http.StatusOK, callback.StatusOK, "did not stop then; the event is stored and will be delivered later"
		}
		answered := make(chan struct{})
		w, a := serve(t, h, tlsRequest("POST", caddytest.SignedQuery(), sample.Body), func(http.ResponseWriter, *http.Request) error {
			caddytest.Eventually(t, func() bool { return logs.FilterMessage("callback not forwarded").Len() > 0 }, "a late answer is logged")
			close(answered)
			return nil
		})
		<-answered
		if w.Code != status || a.ActionStatus != action {
			t.Errorf("answered %d %+v", w.Code, a)
		}
		lines := logs.FilterMessage("callback not forwarded").All()
		if len(lines) != 1 || !strings.HasSuffix(lines[0].ContextMap()["why"].(string), why) {
			t.Errorf("logged %v", lines)
		}
		if err := app.Cleanup(); err != nil {
			t.Error(err)
		}
	}
}
