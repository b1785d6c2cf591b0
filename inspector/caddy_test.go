package inspector_test

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	_ "github.com/d13c7061/caddy-tim-callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

func TestMain(m *testing.M) { os.Exit(m.Run()) }

// site is a site with a queue whose backend refuses events, and with inspectors.
func site(t *testing.T, options string) string {
	t.Helper()
	address := caddytest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Ce-Subject"), caddytest.TakenUser) {
			return
		}
		http.Error(w, "no such user: nick1", http.StatusNotFound)
	})
	return siteOf(t.TempDir(), address, options)
}

func siteOf(dir, address, options string) string {
	inspector := "tim_callback_inspector {\n" + options + "\n}"
	return fmt.Sprintf("tim_callback /im/callback 1400000000 xxxxyyyy {\n%s\n}\nhandle_path /ops/* {\n%s\n}\nhandle /kept/* {\n%s\n}\nhandle_path /bare* {\n%s\n}",
		caddytest.QueueBlock(dir, address, "order none"), inspector, inspector, inspector)
}

// page asks for a page, with headers as pairs of a name and a value.
func page(t *testing.T, e *caddytest.Edge, path string, headers ...string) (int, http.Header, string) {
	t.Helper()
	r, err := http.NewRequest(http.MethodGet, fmt.Sprintf("https://localhost:%d%s", e.Port, path), nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	client := *e.Client
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, string(body)
}

// send sends callbacks of users and one with a wrong Sign, and waits until the former are dead letters.
func send(t *testing.T, e *caddytest.Edge, users ...string) {
	t.Helper()
	for n, user := range users {
		if status, _, err := e.Send(e.Client, caddytest.SignedQuery(), caddytest.BodyOf(user, n)); status != 200 {
			t.Fatalf("%d %v", status, err)
		}
	}
	if status, _, err := e.Send(e.Client, caddytest.SignedQuery("Sign", strings.Repeat("0", 64)), caddytest.BodyOf("forger", 0)); status != 401 {
		t.Fatalf("%d %v", status, err)
	}
	taken := 0
	caddytest.Eventually(t, func() bool {
		taken++
		_, _, _ = e.Send(e.Client, caddytest.SignedQuery(), caddytest.BodyOf(caddytest.TakenUser, taken))
		c, ok := caddytest.Queue(t, "default")
		return ok && c.Dead == len(users)
	}, "%d dead letters", len(users))
}

var eventLink = regexp.MustCompile(`\./event\?id=([0-9a-f]{32})`)

// TestCaddy tells the story of an event that the backend refuses, with a real Caddy.
func TestCaddy(t *testing.T) {
	e := caddytest.StartEdge(t, site(t, "payloads\nmask profile.* custom.Data"))
	send(t, e, "id1", "小明")

	for _, prefix := range []string{"/ops/", "/kept/", "/bare/"} {
		status, header, body := page(t, e, prefix)
		if status != 200 || !strings.Contains(header.Get("Content-Security-Policy"), "default-src 'none'") || !strings.Contains(body, "<bdi>default</bdi>") || !strings.Contains(body, "refused or failed") {
			t.Errorf("%s: %d %v %s", prefix, status, header, body)
		}
		for _, asset := range regexp.MustCompile(`(?:href|src)="\./([a-z]+-[0-9a-f]+\.[a-z]+)"`).FindAllStringSubmatch(body, -1) {
			if status, header, _ := page(t, e, prefix+asset[1]); status != 200 || !strings.Contains(header.Get("Cache-Control"), "immutable") {
				t.Errorf("%s: %d %v", asset[1], status, header)
			}
		}
	}
	if status, header, _ := page(t, e, "/bare"); status != http.StatusPermanentRedirect || header.Get("Location") != "./bare/" {
		t.Errorf("/bare: %d %s", status, header.Get("Location"))
	}

	_, _, body := page(t, e, "/ops/search?q="+"%E5%B0%8F%E6%98%8E")
	link := eventLink.FindStringSubmatch(body)
	if link == nil || !strings.Contains(body, "Dead letter") {
		t.Fatalf("the search finds no event: %s", body)
	}
	status, _, body := page(t, e, "/ops/event?id="+link[1])
	for _, want := range []string{
		"The backend refused it: 404 Not Found", "caddy tim-callback queue replay --queue default " + link[1], "小明", `&#34;nick&#34;: &#34;***&#34;`, `&#34;from_account&#34;: &#34;小明&#34;`, "404 Not Found",
	} {
		if !strings.Contains(body, want) {
			t.Errorf("%d, the story does not have %q: %s", status, want, body)
		}
	}
	for _, secret := range []string{"nick1", "your custom data", "xxxxyyyy", "Sign="} {
		if strings.Contains(body, secret) {
			t.Errorf("the story tells %q", secret)
		}
	}
	if _, _, body := page(t, e, "/ops/queue?queue=default&state=dead&command=Profile.*&since=1h", "Accept-Language", "zh-CN"); strings.Count(body, "死信</span>") != 2 {
		t.Errorf("the queue: %s", body)
	}
	if _, _, body := page(t, e, "/ops/recent?result=refused&since=1h"); !strings.Contains(body, "bad_sign") || strings.Contains(body, "小明") {
		t.Errorf("what was refused: %s", body)
	}
	if status, _, body := page(t, e, "/ops/callback?n=3"); status != 200 || !strings.Contains(body, "Its Sign does not match") {
		t.Errorf("%d %s", status, body)
	}
}

// TestCaddyPayloads shows what the backend answered and values of the payload only with the option.
func TestCaddyPayloads(t *testing.T) {
	e := caddytest.StartEdge(t, site(t, ""))
	send(t, e, "id1")
	_, _, body := page(t, e, "/ops/search?q=id1")
	story := "/ops/event?id=" + eventLink.FindStringSubmatch(body)[1]
	if _, _, body := page(t, e, story); strings.Contains(body, "nick1") || strings.Contains(body, "no such user") {
		t.Errorf("without payloads: %s", body)
	}
	e.Load(site(t, "payloads"))
	send(t, e, "id1")
	_, _, body = page(t, e, "/ops/search?q=id1")
	story = "/ops/event?id=" + eventLink.FindStringSubmatch(body)[1]
	if _, _, body := page(t, e, story); !strings.Contains(body, "&#34;nick&#34;: &#34;nick1&#34;") || !strings.Contains(body, "no such user: nick1") {
		t.Errorf("with payloads: %s", body)
	}
}

// TestCaddyAccess has clients of a proxy that Caddy trusts, and other names for this machine.
func TestCaddyAccess(t *testing.T) {
	port := caddytest.FreePort()
	e := &caddytest.Edge{
		Global: "servers {\ntrusted_proxies static 127.0.0.1/32\n}",
		Sites:  fmt.Sprintf("http://:%d {\nhandle_path /ops/* {\ntim_callback_inspector\n}\nhandle_path /open/* {\ntim_callback_inspector {\nallow_remote\n}\n}\n}", port),
	}
	e.Start(t, site(t, ""))
	for _, tc := range []struct {
		path, host, forwarded string
		want                  int
	}{
		{"/ops/", "", "", 200}, {"/ops/", "localhost", "", 200}, {"/ops/", "", "127.0.0.1", 200},
		{"/ops/", "", "203.0.113.7", 403}, {"/ops/", "evil.example", "", 403}, {"/ops/recent", "evil.example:80", "", 403},
		{"/open/", "evil.example", "203.0.113.7", 200},
	} {
		r, err := http.NewRequest(http.MethodGet, fmt.Sprintf("http://127.0.0.1:%d%s", port, tc.path), nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Host = tc.host
		if tc.forwarded != "" {
			r.Header.Set("X-Forwarded-For", tc.forwarded)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tc.want {
			t.Errorf("%+v: %d", tc, resp.StatusCode)
		}
	}
	http.DefaultClient.CloseIdleConnections()
}

// TestCaddyReload has a live view that is open while the configuration changes: it ends, and holds up nothing.
func TestCaddyReload(t *testing.T) {
	e := caddytest.StartEdge(t, site(t, ""))
	client := *e.Client
	client.Timeout = 0
	resp, err := client.Get(fmt.Sprintf("https://localhost:%d/ops/stream", e.Port))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	lines := make(chan string, 1000)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(resp.Body); s.Scan(); {
			lines <- s.Text()
		}
	}()
	if line := <-lines; line != "retry: 2000" {
		t.Fatalf("the stream begins with %q", line)
	}
	send(t, e, "id1")
	seen := ""
	for !strings.Contains(seen, "id1") || !strings.Contains(seen, "bad_sign") {
		select {
		case line := <-lines:
			seen += line
		case <-time.After(20 * time.Second):
			t.Fatalf("the live view has only %s", seen)
		}
	}
	began := time.Now()
	e.Load(site(t, "payloads"))
	for range lines { // until it ends
	}
	if took := time.Since(began); took > 4*time.Second {
		t.Errorf("the live view ended after %s", took)
	}
}
