package admin_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

const acknowledging = "tim_callback 1400000000 xxxxyyyy {\nanswer ack\n}"

// remembering is a Caddy whose admin endpoint is asked for the last callbacks.
type remembering struct {
	*caddytest.Edge
	t     *testing.T
	port  int
	sent  int
	since string // before its first callback
}

func remember(t *testing.T, global, site string) *remembering {
	t.Helper()
	r := &remembering{t: t, port: caddytest.FreePort(), since: time.Now().Format(time.RFC3339Nano)}
	r.Edge = &caddytest.Edge{AdminAddress: fmt.Sprintf("localhost:%d", r.port), Global: global}
	r.Start(t, site)
	return r
}

func (r *remembering) client() adminapi.Client { return adminapi.Client{Address: r.AdminAddress} }

// send sends a callback about a user and waits until it is remembered.
func (r *remembering) send(user string) {
	r.t.Helper()
	last := recent.Process.Last()
	r.sent++
	if _, _, err := r.Send(r.Client, caddytest.SignedQuery(), caddytest.BodyOf(user, r.sent)); err != nil {
		r.t.Fatal(err)
	}
	caddytest.Eventually(r.t, func() bool { return recent.Process.Last() > last }, "the callback is remembered")
}

func (r *remembering) get(path string) (status int, body string) {
	r.t.Helper()
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Get("http://" + r.AdminAddress + path)
	if err != nil {
		r.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// list lists callbacks that have come since the test began.
func (r *remembering) list(query string) (page []adminapi.Callback) {
	r.t.Helper()
	status, body := r.get("/tim_callback/recent?since=" + url.QueryEscape(r.since) + "&" + query)
	if status != 200 {
		r.t.Fatalf("%s: %d %s", query, status, body)
	}
	decode(r.t, body, &page)
	return page
}

func subjects(page []adminapi.Callback) (all []string) {
	for _, c := range page {
		all = append(all, c.Subject)
	}
	return all
}

func TestRecent(t *testing.T) {
	r := remember(t, "", acknowledging)
	if _, _, err := r.Send(r.Client, caddytest.SignedQuery("Sign", strings.Repeat("0", 64)), sample.Body); err != nil {
		t.Fatal(err)
	}
	for _, user := range []string{"张三", "b", "c", "b"} {
		r.send(user)
	}
	for query, want := range map[string]string{
		"":                                 "b c b 张三 ",
		"subject=b":                        "b b",
		"subject=" + url.QueryEscape("张三"): "张三",
		"result=bad_sign":                  "",
		"result=bad_sign,ok":               "b c b 张三 ",
		"result=ok&limit=1":                "b",
		"command=Profile.*&limit=2":        "b c",
		"command=Group.*":                  "nothing",
		"until=1h":                         "nothing",
	} {
		got := strings.Join(subjects(r.list(query)), " ")
		if page := r.list(query); len(page) == 0 {
			got = "nothing"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", query, got, want)
		}
	}
	refused := r.list("result=bad_sign")[0]
	if refused.Status != 401 || refused.ClientIP != "127.0.0.1" || refused.SDKAppID != "1400000000" || refused.ID != "" || time.Since(refused.Time) > time.Minute || refused.TookMS <= 0 || refused.Delivery != nil {
		t.Errorf("%+v", refused)
	}
	newest := r.list("limit=1")[0]
	if found := r.list("id=" + newest.ID[:8]); len(found) != 1 || found[0].Seq != newest.Seq {
		t.Errorf("by the beginning of its ID: %+v", found)
	}
	var paged []string
	for after := ""; ; {
		page := r.list("limit=2&after=" + after)
		if len(page) == 0 {
			break
		}
		paged = append(paged, subjects(page)...)
		after = page[len(page)-1].Cursor
		r.send("later") // must not move the pages
	}
	if got := strings.Join(paged, " "); got != "b c b 张三 " {
		t.Errorf("page by page: %q", got)
	}
	if page := r.list("after=00000000-7"); len(page) != 0 {
		t.Errorf("after the cursor of another process: %+v", page)
	}
	if _, body := r.get("/tim_callback/recent"); strings.Contains(body, "nick1") || strings.Contains(body, sample.Token) || strings.Contains(body, "Sign") {
		t.Errorf("it has a secret: %s", body)
	}
	for _, tc := range []struct {
		method, path string
		status       int
	}{
		{"POST", "/tim_callback/recent", 405},
		{"POST", "/tim_callback/recent/stream", 405},
		{"GET", "/tim_callback/recent?limit=0", 400},
		{"GET", "/tim_callback/recent?since=x", 400},
		{"GET", "/tim_callback/recent/stream?result=x", 400},
		{"GET", "/tim_callback/recent/stream?limit=5", 400},
	} {
		req, _ := http.NewRequest(tc.method, "http://"+r.AdminAddress+tc.path, nil)
		resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		var answer struct{ Error string }
		if err := json.NewDecoder(resp.Body).Decode(&answer); resp.StatusCode != tc.status || err != nil || answer.Error == "" {
			t.Errorf("%s %s: %d %+v", tc.method, tc.path, resp.StatusCode, answer)
		}
		resp.Body.Close()
	}
}

// TestRecentAcrossReloads changes how many callbacks are remembered, and switches it off.
func TestRecentAcrossReloads(t *testing.T) {
	r := remember(t, "tim_callback {\nrecent 5\n}", acknowledging)
	for n := range 7 {
		r.send(fmt.Sprint(n))
	}
	want := func(want string) {
		t.Helper()
		caddytest.Eventually(t, func() bool { // a reload replaces the endpoint
			resp, err := http.Get("http://" + r.AdminAddress + "/tim_callback/recent")
			if err == nil {
				resp.Body.Close()
			}
			return err == nil
		}, "the admin endpoint answers")
		if got := strings.Join(subjects(r.list("")), " "); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	want("6 5 4 3 2")
	r.Load(acknowledging + " # another one")
	want("6 5 4 3 2")
	r.Global = "tim_callback {\nrecent 3\n}"
	r.Load(acknowledging)
	want("6 5 4")
	r.Global = "tim_callback {\nrecent 0\n}"
	r.Load(acknowledging)
	caddytest.Eventually(t, func() bool {
		status, body := r.get("/tim_callback/recent")
		return status == 404 && strings.Contains(body, "recent 0")
	}, "it says that it is off")
	r.Global = ""
	r.Load(acknowledging)
	r.send("new")
	want("new")
}

// TestRecentDelivery lists what became of a delivery.
func TestRecentDelivery(t *testing.T) {
	backend := caddytest.StartBackend(t)
	r := remember(t, "", "tim_callback 1400000000 xxxxyyyy {\n"+caddytest.QueueBlock(t.TempDir(), backend.Address, "")+"\n}")
	r.send("a")
	caddytest.Eventually(t, func() bool { return r.list("")[0].Delivery.State == "delivered" }, "it is delivered")
	if c := r.list("")[0]; c.Queue != "default" || c.Delivery.Attempts != 1 || c.Delivery.LastAttempt == nil || c.Delivery.NextAttempt != nil || c.Delivery.LastError != "" {
		t.Errorf("%+v %+v", c, c.Delivery)
	}
}
