package admin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	_ "github.com/d13c7061/caddy-tim-callback"
	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// ask asks the admin API on a port.
func ask(t *testing.T, port int, method, path, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequest(method, fmt.Sprintf("http://localhost:%d/tim_callback/queues%s", port, path), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// count returns what the queue holds.
func count(t *testing.T) caddytest.Counts {
	c, _ := caddytest.Queue(t, "default")
	return c
}

// TestAdminAPI buries events and lists, replays and drops them.
func TestAdminAPI(t *testing.T) {
	backend := caddytest.StartBackend(t)
	address := backend.Address
	backend.Answer(http.StatusNotFound)
	port := caddytest.FreePort()
	e := &caddytest.Edge{AdminAddress: fmt.Sprintf("localhost:%d", port)}
	e.Start(t, "tim_callback 1400000000 xxxxyyyy {\n"+caddytest.QueueBlock(t.TempDir(), address, "")+"\n}")

	if status, body := ask(t, port, "GET", "", ""); status != 200 || strings.TrimSpace(body) != `[{"name":"default","store":"file","waiting":0,"in_flight":0,"dead":0}]` {
		t.Errorf("%d %s", status, body)
	}
	for n := range 5 {
		if status, _, err := e.Send(e.Client, caddytest.SignedQuery(), caddytest.BodyOf(fmt.Sprint("张三", n), n)); status != 200 {
			t.Fatalf("%d %v", status, err)
		}
	}
	takenCount := 0
	caddytest.Eventually(t, func() bool {
		// an event dies of being refused only while the backend takes others
		takenCount++
		if status, _, err := e.Send(e.Client, caddytest.SignedQuery(), caddytest.BodyOf(caddytest.TakenUser, takenCount)); status != 200 {
			t.Fatalf("%d %v", status, err)
		}
		return count(t).Dead == 5
	}, "no dead letters")
	caddytest.Eventually(t, func() bool { q := count(t); return q.Waiting+q.InFlight == 0 }, "the others are delivered")

	var letters []adminapi.DeadLetter
	page := func(query string) []adminapi.DeadLetter {
		t.Helper()
		status, body := ask(t, port, "GET", "/default/dead"+query, "")
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		var page []adminapi.DeadLetter
		decode(t, body, &page)
		return page
	}
	for after := ""; ; {
		next := page("?limit=2&after=" + after)
		if len(next) == 0 {
			break
		}
		letters = append(letters, next...)
		after = next[len(next)-1].Cursor
	}
	if len(letters) != 5 {
		t.Fatalf("%d dead letters", len(letters))
	}
	for _, letter := range letters {
		var event struct {
			SpecVersion string `json:"specversion"`
			ID, Subject string
			Data        struct {
				FromAccount string `json:"from_account"`
			}
		}
		decode(t, string(letter.Event), &event)
		if letter.Attempts < 5 || letter.LastError != "404 Not Found" || !strings.HasPrefix(letter.Subject, "张三") ||
			letter.Type != "com.tencent.im.Profile.CallbackPortraitSet" || event.ID != letter.ID || event.Data.FromAccount != letter.Subject ||
			event.SpecVersion != "1.0" || strings.Contains(string(letter.Event), `"sequence"`) || time.Since(letter.Received) > time.Minute || letter.LastAttempt.Before(letter.Received) {
			t.Errorf("%+v", letter)
		}
	}

	for _, tc := range []struct {
		method, path, body string
		status             int
	}{
		{"POST", "", "", 405},
		{"GET", "/nobody/dead", "", 404},
		{"GET", "/default/live", "", 404},
		{"GET", "/default", "", 404},
		{"POST", "/default/dead", "{}", 405},
		{"GET", "/default/dead/replay", "", 405},
		{"GET", "/default/dead?limit=0", "", 400},
		{"GET", "/default/dead?limit=x", "", 400},
		{"GET", "/default/dead?after=x", "", 400},
		{"GET", "/default/dead?after=" + letters[0].ID, "", 400}, // not a cursor
		{"POST", "/default/dead/replay", "", 400},
		{"POST", "/default/dead/replay", "{}", 400},
		{"POST", "/default/dead/replay", `{"ids":[],"all":false}`, 400},
		{"POST", "/default/dead/replay", `{"ids":["x"],"all":true}`, 400},
		{"POST", "/default/dead/replay", `{"id":"x"}`, 400},
		{"POST", "/default/dead/drop", `{"all":true}x`, 400},
		{"POST", "/default/dead/drop", `{"ids":["` + letters[0].ID + `","nobody"]}`, 404},
		{"POST", "/nobody/dead/drop", `{"all":true}`, 404},
	} {
		status, body := ask(t, port, tc.method, tc.path, tc.body)
		var answer struct{ Error string }
		if status != tc.status || json.Unmarshal([]byte(body), &answer) != nil || answer.Error == "" {
			t.Errorf("%s %s %s: %d %s, want %d", tc.method, tc.path, tc.body, status, body, tc.status)
		}
	}
	ids := strings.Repeat(`"x",`, adminapi.MaxIDs) + `"x"`
	if status, body := ask(t, port, "POST", "/default/dead/drop", `{"ids":[`+ids+`]}`); status != 400 || !strings.Contains(body, "10001 IDs") || !strings.Contains(body, "at most 10000") {
		t.Errorf("%d %.200s", status, body)
	}
	if q := count(t); q.Dead != 5 {
		t.Errorf("after what was refused: %+v", q)
	}

	if status, body := ask(t, port, "POST", "/default/dead/drop", `{"ids":["`+letters[0].ID+`"]}`); status != 200 || strings.TrimSpace(body) != `{"dropped":1}` {
		t.Errorf("%d %s", status, body)
	}
	if rest := page("?after=" + letters[0].Cursor); len(rest) != 4 || rest[0].ID != letters[1].ID {
		t.Errorf("paging from one that is gone: %+v", rest)
	}
	backend.Answer(http.StatusOK)
	if status, body := ask(t, port, "POST", "/default/dead/replay", `{"all":true}`); status != 200 || strings.TrimSpace(body) != `{"replayed":4}` {
		t.Errorf("%d %s", status, body)
	}
	caddytest.WaitEmpty(t, "default")
	requests, _ := backend.Got()
	if got := requests[len(requests)-4:]; got[0].Header.Get("Ce-Id") == "" {
		t.Errorf("%v", got)
	}
	if q := count(t); q.Dead != 0 {
		t.Errorf("%+v", q)
	}
}

func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
}
