package timcallback

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// TestHopByHopHeaders has a signed request that names headers of the event in its
// Connection header, which a proxy would drop, and asks to switch protocols.
func TestHopByHopHeaders(t *testing.T) {
	arrived := make(chan http.Header, 1)
	backend := caddytest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		arrived <- r.Header
		_, _ = w.Write(callback.OK().JSON())
	})
	queue := "queue {\nstore file " + filepath.Join(t.TempDir(), "queue.db") + "\ndeliver {\nreverse_proxy " + backend + "\n}\n}"
	for _, tc := range []struct{ name, options, command string }{
		{"forward", "", profile.Command},
		{"original body", "body original", profile.Command},
		{"signed", "sign " + testSecret, profile.Command},
		{"stored after a failure", "answer forward\n" + queue, profile.Command},
		{"deliver", queue, profile.Command},
		{"pass", "other_commands pass", "C2C.CallbackBeforeSendMsg"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			next := "reverse_proxy " + backend
			if strings.HasPrefix(tc.name, "stored") {
				next = "respond 503"
			}
			e := caddytest.StartEdge(t, "tim_callback 1400000000 xxxxyyyy {\n"+tc.options+"\n}\n"+next)
			body := strings.Replace(sample.Body, "nick1", tc.name, 1) // the queue takes none twice
			req, err := http.NewRequest("POST", e.URL()+"?"+caddytest.SignedQuery("CallbackCommand", tc.command), strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header = http.Header{
				"Connection":          {"Ce-Id, ce-type , Content-Type,Webhook-Signature", "X-Hop, Upgrade, Content-Length"},
				"Content-Type":        {"application/json"},
				"Upgrade":             {"websocket"},
				"X-Hop":               {"1"},
				"X-End":               {"1"},
				"Keep-Alive":          {"timeout=5"},
				"Proxy-Connection":    {"X-End"},
				"Proxy-Authorization": {"Basic eDp5"},
				"Proxy-Authenticate":  {"Basic"},
				"Te":                  {"trailers"},
			}
			resp, err := e.Client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != 200 {
				t.Errorf("status %d", resp.StatusCode)
			}
			var got http.Header
			select {
			case got = <-arrived:
			case <-time.After(10 * time.Second):
				t.Fatal("nothing arrived")
			}
			for name := range got {
				if slices.Contains([]string{"Connection", "Upgrade", "X-Hop", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding"}, name) || strings.HasPrefix(name, "Proxy-") {
					t.Errorf("%s: %q reached the backend", name, got[name])
				}
			}
			want := []string{"Content-Type", "Content-Length"}
			if tc.name != "pass" {
				want = append(want, "Ce-Id", "Ce-Type", "Ce-Subject")
			}
			if tc.name == "signed" {
				want = append(want, "Webhook-Id", "Webhook-Signature")
			}
			if tc.name == "forward" || tc.name == "pass" {
				want = append(want, "X-End")
			}
			for _, name := range want {
				if len(got[name]) != 1 {
					t.Errorf("%s: %q at the backend", name, got[name])
				}
			}
		})
	}
}
