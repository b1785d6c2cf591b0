package timcallback

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
)

// admin asks the admin API on a port.
func (e *edge) admin(port int, method, path, body string) (status int, answer string) {
	e.t.Helper()
	req, err := http.NewRequest(method, fmt.Sprintf("http://localhost:%d/tim_callback/queues%s", port, path), strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

// TestAdminAPI buries events and lists, replays and drops them.
func TestAdminAPI(t *testing.T) {
	backend, address := startTaker(t)
	backend.answer(http.StatusNotFound)
	port := freePort(t)
	e := &edge{adminAddress: fmt.Sprintf("localhost:%d", port)}
	e.start(t, "tim_callback 1400000000 xxxxyyyy {\n"+queueBlock(t.TempDir(), address, "")+"\n}")

	if status, body := e.admin(port, "GET", "", ""); status != 200 || strings.TrimSpace(body) != `[{"name":"default","store":"file","waiting":0,"in_flight":0,"dead":0}]` {
		t.Errorf("%d %s", status, body)
	}
	for n := range 5 {
		if status, _, err := e.send(e.client, signedQuery(), withUser(fmt.Sprint("张三", n), n)); status != 200 {
			t.Fatalf("%d %v", status, err)
		}
	}
	eventually(t, func() bool { return queues()["default"].Dead == 5 }, "no dead letters")

	var letters []adminapi.DeadLetter
	page := func(query string) []adminapi.DeadLetter {
		t.Helper()
		status, body := e.admin(port, "GET", "/default/dead"+query, "")
		if status != 200 {
			t.Fatalf("%d %s", status, body)
		}
		var page []adminapi.DeadLetter
		decodeJSON(t, body, &page)
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
		decodeJSON(t, string(letter.Event), &event)
		if letter.Attempts != 5 || letter.LastError != "404 Not Found" || !strings.HasPrefix(letter.Subject, "张三") ||
			letter.Type != "com.tencent.im.Profile.CallbackPortraitSet" || event.ID != letter.ID || event.Data.FromAccount != letter.Subject ||
			event.SpecVersion != "1.0" || time.Since(letter.Received) > time.Minute || letter.LastAttempt.Before(letter.Received) {
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
		{"POST", "/default/dead/replay", "", 400},
		{"POST", "/default/dead/replay", "{}", 400},
		{"POST", "/default/dead/replay", `{"ids":[],"all":false}`, 400},
		{"POST", "/default/dead/replay", `{"ids":["x"],"all":true}`, 400},
		{"POST", "/default/dead/replay", `{"id":"x"}`, 400},
		{"POST", "/default/dead/drop", `{"all":true}x`, 400},
		{"POST", "/default/dead/drop", `{"ids":["` + letters[0].ID + `","nobody"]}`, 404},
		{"POST", "/nobody/dead/drop", `{"all":true}`, 404},
	} {
		status, body := e.admin(port, tc.method, tc.path, tc.body)
		var answer struct{ Error string }
		if status != tc.status || json.Unmarshal([]byte(body), &answer) != nil || answer.Error == "" {
			t.Errorf("%s %s %s: %d %s, want %d", tc.method, tc.path, tc.body, status, body, tc.status)
		}
	}
	if q := queues()["default"]; q.Dead != 5 {
		t.Errorf("after what was refused: %+v", q)
	}

	if status, body := e.admin(port, "POST", "/default/dead/drop", `{"ids":["`+letters[0].ID+`"]}`); status != 200 || strings.TrimSpace(body) != `{"dropped":1}` {
		t.Errorf("%d %s", status, body)
	}
	if rest := page("?after=" + letters[0].Cursor); len(rest) != 4 || rest[0].ID != letters[1].ID {
		t.Errorf("paging from one that is gone: %+v", rest)
	}
	if rest := page("?after=" + letters[0].ID); len(rest) != 4 || rest[0].ID != letters[1].ID {
		t.Errorf("paging from an ID that is gone: %+v", rest)
	}
	backend.answer(http.StatusOK)
	if status, body := e.admin(port, "POST", "/default/dead/replay", `{"all":true}`); status != 200 || strings.TrimSpace(body) != `{"replayed":4}` {
		t.Errorf("%d %s", status, body)
	}
	waitEmpty(t, "default")
	requests, _ := backend.got()
	if got := requests[len(requests)-4:]; got[0].Header.Get("Ce-Id") == "" {
		t.Errorf("%v", got)
	}
	if q := queues()["default"]; q.Dead != 0 {
		t.Errorf("%+v", q)
	}
}
