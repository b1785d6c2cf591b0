package timcallback

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestPass has the answers to another command come back as they are, and
// failures become one that cannot be taken for a decision.
func TestPass(t *testing.T) {
	backend := caddytest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch body, _ := io.ReadAll(r.Body); string(body) {
		case "forbid":
			w.Header().Set("X-Backend", "1")
			_, _ = w.Write(callback.Fail("no").JSON())
		case "teapot":
			w.WriteHeader(http.StatusTeapot)
			_, _ = io.WriteString(w, "short and stout")
		case "huge":
			_, _ = io.WriteString(w, strings.Repeat("x", 1<<20))
		case "break":
			_, _ = io.WriteString(w, "x")
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "hang":
			<-r.Context().Done()
		}
	})
	e := caddytest.StartEdge(t, `tim_callback 1400000000 xxxxyyyy {
		other_commands pass
		timeout 1s
	}
	reverse_proxy /im/callback `+backend+`
	reverse_proxy /im/refused 127.0.0.1:1`)
	post := func(path, body string) (*http.Response, string, error) {
		t.Helper()
		url := strings.Replace(e.URL(), "/im/callback", path, 1)
		resp, err := e.Client.Post(url+"?"+caddytest.SignedQuery("CallbackCommand", "C2C.CallbackBeforeSendMsg"), "", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		got, err := io.ReadAll(resp.Body)
		return resp, string(got), err
	}
	failed := string(callback.Fail("the backend did not take the callback").JSON())
	for _, tc := range []struct {
		path, body string
		status     int
		want       string
	}{
		{"/im/callback", "forbid", 200, string(callback.Fail("no").JSON())},
		{"/im/callback", "teapot", 418, "short and stout"},
		{"/im/callback", "huge", 200, strings.Repeat("x", 1<<20)},
		{"/im/callback", "hang", 502, failed},
		{"/im/refused", "x", 502, failed},
		{"/im/nobody", "x", 502, failed},
	} {
		resp, got, err := post(tc.path, tc.body)
		if err != nil || resp.StatusCode != tc.status || got != tc.want {
			t.Errorf("%s %s: %d %.100q %v, want %d %.100q", tc.path, tc.body, resp.StatusCode, got, err, tc.status, tc.want)
		}
		if tc.body == "forbid" && resp.Header.Get("X-Backend") != "1" {
			t.Error("a header of the answer was lost")
		}
	}
	halfBodyPassed(t, e)
	if _, got, err := post("/im/callback", "break"); err == nil {
		t.Errorf("an answer that broke off came back as a whole one: %q", got)
	}
	// what is not genuine is refused before it could be passed on
	if status, _, err := e.Send(e.Client, caddytest.SignedQuery("CallbackCommand", "x", "Sign", strings.Repeat("0", 64)), ""); err != nil || status != 401 {
		t.Errorf("forged: %d %v", status, err)
	}
}

// halfBodyPassed has a sender stop in the middle of a body: the answer is the FAIL
// JSON, and the rest of the body is not taken for another request.
func halfBodyPassed(t *testing.T, e *caddytest.Edge) {
	t.Helper()
	for range 10 {
		body, feed := io.Pipe()
		go func() { _, _ = io.WriteString(feed, "x") }()
		req, err := http.NewRequest("POST", e.URL()+"?"+caddytest.SignedQuery("CallbackCommand", "C2C.CallbackBeforeSendMsg"), body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = 5000
		resp, err := e.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		answer, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		_ = feed.Close()
		if _, err := callback.ParseAnswer(answer); err != nil || resp.StatusCode != 502 || !resp.Close {
			t.Errorf("half a body: %d %q, closed: %v", resp.StatusCode, answer, resp.Close)
		}
	}
}
