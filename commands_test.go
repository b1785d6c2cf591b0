package timcallback

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
	"github.com/d13c7061/caddy-tim-callback/profile"
	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

// bodyFor makes a body of the members that the table of commands names.
func bodyFor(c callback.Command, n int) string {
	body := map[string]any{"From_Account": "from", "To_Account": "to", "ProfileItem": []any{}, "Number": json.RawMessage("144115198371610486")}
	if !strings.HasPrefix(c.EventTime, "Events[]") {
		body["CallbackCommand"] = c.Name
	}
	set := func(path string, value any) {
		name, rest, nested := strings.Cut(path, ".")
		name, array := strings.CutSuffix(name, "[]")
		if !nested {
			body[name] = value
			return
		}
		inner, _ := body[name].(map[string]any)
		if list, ok := body[name].([]map[string]any); ok {
			inner = list[0]
		}
		if inner == nil {
			inner = make(map[string]any)
		}
		inner[rest] = value
		if array {
			body[name] = []map[string]any{inner}
		} else {
			body[name] = inner
		}
	}
	if len(c.Subject) > 0 {
		set(c.Subject[0], "subject")
	}
	if c.ResultItems != "" {
		body[c.ResultItems] = []map[string]string{{"To_Account": "to"}}
	}
	at := time.UnixMilli(1656921052000).Add(time.Duration(n) * time.Second)
	set(c.EventTime, at.UnixMilli()/c.EventTimeUnit.Milliseconds())
	text, err := json.Marshal(body)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// laneFor is the lane of a body of bodyFor.
func laneFor(c callback.Command) string {
	switch c.Lane {
	case callback.LaneAccount:
		return "1400000000/subject"
	case callback.LaneConversation:
		return "1400000000:conversation/subject/to" // the subject is From_Account
	case callback.LaneCommand:
		return "1400000000:command/" + c.Name
	}
	return "1400000000:" + string(c.Lane) + "/subject"
}

// TestEveryCommand sends a callback of every known command through a real server: news
// are delivered from the queue, decisions come at once.
func TestEveryCommand(t *testing.T) {
	backend := caddytest.StartBackend(t)
	e := caddytest.StartEdge(t, "tim_callback /im/callback 1400000000 xxxxyyyy {\ncommands all\nundecided allow\n"+
		caddytest.QueueBlock(t.TempDir(), backend.Address, "")+"\n}\nreverse_proxy "+backend.Address)
	all := callback.Commands()
	all = append(all, callback.Command{Name: "New.CallbackAfterX", Kind: callback.News, Lane: callback.LaneCommand, EventTime: "EventTime", EventTimeUnit: time.Millisecond})
	for _, c := range all {
		body := bodyFor(c, 0)
		status, answer, err := e.Send(e.Client, caddytest.SignedQuery("CallbackCommand", c.Name), body)
		wantStatus := 200
		if c.NoNeutral { // the backend answers 204
			wantStatus = 502
		}
		if err != nil || status != wantStatus {
			t.Errorf("%s: %d %+v %v", c.Name, status, answer, err)
		}
	}
	caddytest.WaitEmpty(t, "default")
	requests, bodies := backend.Got()
	got := make(map[string]int)
	for i, r := range requests {
		got[strings.TrimPrefix(r.Header.Get("Ce-Type"), "com.tencent.im.")] = i
	}
	for _, c := range all {
		i, ok := got[c.Name]
		if !ok {
			t.Errorf("%s did not arrive", c.Name)
			continue
		}
		sent, r := bodyFor(c, 0), requests[i]
		subject := ""
		if len(c.Subject) > 0 {
			subject = "subject"
		}
		if r.Header.Get("Ce-Subject") != subject || strings.ReplaceAll(r.Header.Get("Ce-Partitionkey"), "%25", "%") != laneFor(c) ||
			r.Header.Get("Ce-Id") != callback.EventID("1400000000", c.Name, "", sent) || r.Header.Get("Ce-Time") != "2022-07-04T07:50:52.000Z" {
			t.Errorf("%s: %v", c.Name, r.Header)
		}
		if r.URL.Query().Get("CallbackCommand") != c.Name || (r.URL.Query().Has("Sign") == (c.Kind == callback.News)) {
			t.Errorf("%s: %s", c.Name, r.URL)
		}
		if c.Name == profile.Command {
			continue
		}
		var envelope struct {
			SDKAppID uint64 `json:"sdk_appid"`
			Command  string
			Time     string `json:"event_time"`
			Platform string
			ClientIP string `json:"client_ip"`
			Subject  string
			Data     json.RawMessage
		}
		if err := json.Unmarshal([]byte(bodies[i]), &envelope); err != nil {
			t.Errorf("%s: %v", c.Name, err)
		}
		if envelope.SDKAppID != 1400000000 || envelope.Command != c.Name || envelope.Subject != subject || envelope.Time != r.Header.Get("Ce-Time") ||
			envelope.Platform != "ios" || envelope.ClientIP != "127.0.0.1" || string(envelope.Data) != sent {
			t.Errorf("%s: %s", c.Name, bodies[i])
		}
	}
	e.LoggedNoSecrets()
}

// TestOrderOfAConversation mixes commands of one conversation, in both directions, before a
// backend that fails now and then.
func TestOrderOfAConversation(t *testing.T) {
	for _, order := range []string{"lane", "none"} {
		t.Run(order, func(t *testing.T) {
			var mu sync.Mutex
			var took []string
			var n atomic.Int64
			address := caddytest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
				if n.Add(1)%3 == 0 {
					w.WriteHeader(http.StatusServiceUnavailable)
					return
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, r.Header.Get("Ce-Time"))
			})
			e := caddytest.StartEdge(t, "tim_callback 1400000000 xxxxyyyy {\ncommands C2C.*\n"+caddytest.QueueBlock(t.TempDir(), address, "order "+order)+"\n}\nrespond 404")
			const events = 40
			for i := range events {
				command := []string{"C2C.CallbackAfterSendMsg", "C2C.CallbackAfterMsgWithDraw", "C2C.CallbackAfterModifyMsg"}[i%3]
				from, to := "a", "b"
				if i%2 == 0 {
					from, to = to, from
				}
				body := fmt.Sprintf(`{"From_Account":%q,"To_Account":%q,"EventTime":%d}`, from, to, 1656921052000+i)
				if status, _, err := e.Send(e.Client, caddytest.SignedQuery("CallbackCommand", command), body); status != 200 {
					t.Fatalf("%d %v", status, err)
				}
			}
			caddytest.WaitEmpty(t, "default")
			mu.Lock()
			defer mu.Unlock()
			if len(took) != events {
				t.Errorf("%d events were taken, want %d", len(took), events)
			}
			if order == "lane" {
				for i := 1; i < len(took); i++ {
					if took[i-1] > took[i] {
						t.Fatalf("%s came before %s", took[i-1], took[i])
					}
				}
			}
		})
	}
}

// TestDuplicatesByIdentity: what tells events from each other decides what a duplicate is.
func TestDuplicatesByIdentity(t *testing.T) {
	backend := caddytest.StartBackend(t)
	e := caddytest.StartEdge(t, "tim_callback 1400000000 xxxxyyyy {\ncommands all\n"+caddytest.QueueBlock(t.TempDir(), backend.Address, "")+"\n}\nrespond 404")
	for _, tc := range []struct {
		name, body string
		query      []string
		arrive     int
	}{
		{"with a time", `{"PairList":[{"From_Account":"t"}],"EventTime":1656921052000}`, nil, 1},
		{"without anything", `{"PairList":[{"From_Account":"u"}]}`, nil, 2},
		{"with a RequestId", `{"PairList":[{"From_Account":"r"}]}`, []string{"RequestId", "0d3c7e1a-5b2f-4c9d-8e6f-123456789abc"}, 1},
		{"with a parameter of the URL that is called so", `{"PairList":[{"From_Account":"q"}]}`, []string{"requestid", "prod"}, 2},
	} {
		before, _ := backend.Got()
		for range 2 {
			query := caddytest.SignedQuery(append([]string{"CallbackCommand", "Sns.CallbackFriendAdd"}, tc.query...)...)
			if status, _, err := e.Send(e.Client, query, tc.body); status != 200 {
				t.Fatalf("%s: %d %v", tc.name, status, err)
			}
		}
		caddytest.WaitEmpty(t, "default")
		if after, _ := backend.Got(); len(after)-len(before) != tc.arrive {
			t.Errorf("%s: %d deliveries, want %d", tc.name, len(after)-len(before), tc.arrive)
		}
	}
}

// TestDecisionsWhileTheQueueIsDown: decisions come through while all events wait.
func TestDecisionsWhileTheQueueIsDown(t *testing.T) {
	queued := caddytest.StartBackend(t)
	queued.Answer(http.StatusServiceUnavailable)
	deciding := caddytest.Serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(callback.OK().JSON()) })
	e := caddytest.StartEdge(t, "tim_callback 1400000000 xxxxyyyy {\ncommands all\nundecided forbid\n"+caddytest.QueueBlock(t.TempDir(), queued.Address, "")+"\n}\nreverse_proxy "+deciding)
	var wg sync.WaitGroup
	for sender := range 4 {
		wg.Go(func() {
			for i := range 50 {
				command, body := "C2C.CallbackBeforeSendMsg", aMessage
				if i%2 == 0 {
					command, body = profile.Command, caddytest.BodyOf(fmt.Sprint("u", sender), i)
				}
				status, a, err := e.Send(e.Client, caddytest.SignedQuery("CallbackCommand", command), body)
				if err != nil || status != 200 || a != callback.OK() {
					t.Errorf("%s: %d %+v %v", command, status, a, err)
				}
			}
		})
	}
	wg.Wait()
	queued.Answer(http.StatusOK)
	caddytest.WaitEmpty(t, "default")
}

// TestMessagesOfOlderVersions delivers an event that a version stored which made the event
// before it stored it.
func TestMessagesOfOlderVersions(t *testing.T) {
	dir := t.TempDir()
	store, err := file.Open(file.Options{Path: filepath.Join(dir, "q.db")})
	if err != nil {
		t.Fatal(err)
	}
	payload, err := os.ReadFile("testdata/message-v1.http")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), queue.Event{ID: sample.EventID, Key: "1400000000/id1", Payload: payload}); err != nil {
		t.Fatal(err)
	}
	if err := store.Close(); err != nil {
		t.Fatal(err)
	}
	backend := caddytest.StartBackend(t)
	caddytest.StartEdge(t, "tim_callback 1400000000 xxxxyyyy {\n"+caddytest.QueueBlock(dir, backend.Address, "")+"\n}")
	caddytest.WaitEmpty(t, "default")
	requests, bodies := backend.Got()
	if len(requests) != 1 || bodies[0] != sample.Normalized || requests[0].Header.Get("Ce-Id") != sample.EventID ||
		requests[0].Header.Get("Ce-Subject") != "id1" || requests[0].Host != "im.example.com" || requests[0].Header.Get("Content-Type") != "application/json" ||
		requests[0].Header.Get("Ce-Sequence") != "00000000000000000001" {
		t.Errorf("the backend got %v %v", requests, bodies)
	}
}
