package adminapi

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// TestClientErrors has answers of other servers, and errors of the API.
func TestClientErrors(t *testing.T) {
	var status int
	var body string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	address := server.Listener.Addr().String()
	client := Client{Address: address}

	for _, tc := range []struct {
		status     int
		body, want string
	}{
		{404, "404 page not found\n", "the Caddy at " + address + " has no admin API for queues: was it built with this module?"},
		{404, `{"error":"there is no queue \"x\""}`, `there is no queue "x"`},
		{403, `{"error":"host not allowed: x"}`, "host not allowed: x"},
		{502, "<html>: bad gateway\n", "the Caddy at " + address + " answered 502: <html>: bad gateway"},
		{200, "", "the answer from " + address + " is not an answer of Caddy's admin endpoint with this module: EOF"},
		{200, "<html>", "the answer from " + address + " is not an answer of Caddy's admin endpoint with this module: invalid character '<' looking for beginning of value"},
		{200, `{"dropped":1}`, "the answer of the Caddy at " + address + " does not say how many dead letters were replayed"},
	} {
		status, body = tc.status, tc.body
		if _, err := client.Change(Replay, "default", Selection{All: true}); err == nil || err.Error() != tc.want {
			t.Errorf("%d %s: got %v, want %s", tc.status, tc.body, err, tc.want)
		}
	}
}

// TestClientStops checks that the client requests no more pages than the caller reads.
func TestClientStops(t *testing.T) {
	var asked []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.URL.RequestURI())
		_, _ = io.WriteString(w, "["+strings.Repeat(`{"cursor":"c/1"},`, DefaultPage-1)+`{"cursor":"c/2"}]`)
	}))
	defer server.Close()
	client := Client{Address: server.Listener.Addr().String()}
	pages := 0
	for page, err := range client.Dead("default", "", 0) {
		if pages++; err != nil || len(page) != DefaultPage {
			t.Fatalf("%d, %v", len(page), err)
		}
		if pages == 2 {
			break
		}
	}
	want := "/tim_callback/queues/default/dead?after=&limit=100 /tim_callback/queues/default/dead?after=c%2F2&limit=100"
	if got := strings.Join(asked, " "); got != want {
		t.Errorf("asked for %s", got)
	}
}
