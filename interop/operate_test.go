package interop

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync"
	"testing"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// operated is a site with tracing, metrics and queues, of which one has the metrics of a shared
// store that cannot be reached. It uses plain HTTP, as scrapers usually do.
var operated struct {
	config string
	url    string

	mu       sync.Mutex
	calls    int             // number of callbacks so far, so that each is a different event
	refusals int             // number of deliveries that the backend still refuses
	requests []*http.Request // the requests that the backend received
	spans    []*trace.Span   // the spans that the collector received
}

// startOperated starts the operated site, its backend and an OTLP collector.
func startOperated(dir string) (stop func(), err error) {
	address := caddytest.FreeAddress()
	backend := httptest.NewServer(http.HandlerFunc(takeOperated))
	spans := httptest.NewServer(http.HandlerFunc(takeSpans))
	for name, value := range map[string]string{
		"OTEL_EXPORTER_OTLP_ENDPOINT": spans.URL, "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf", "OTEL_BSP_SCHEDULE_DELAY": "20",
	} {
		if err := os.Setenv(name, value); err != nil {
			return nil, err
		}
	}
	operated.url = "http://" + address
	operated.config = fmt.Sprintf(`%s {
		metrics /metrics
		tracing {
			span callback
		}
		tim_callback /forwarded %[2]s %[3]s {
			allow_http
		}
		tim_callback /queued %[2]s %[3]s {
			allow_http
			queue operated {
				store file %[4]q
				deliver {
					reverse_proxy %[5]s
				}
				retry 10ms 20ms
			}
		}
		tim_callback /traced %[2]s %[3]s {
			allow_http
			queue traced {
				store file %[6]q
				deliver {
					tracing {
						span delivery
					}
					reverse_proxy %[5]s
				}
				retry 10ms 20ms
			}
		}
		tim_callback /shared %[2]s %[3]s {
			allow_http
			queue shared {
				store postgres "postgres://nobody@127.0.0.1:1/none" {
					spool %[7]q
				}
				deliver {
					reverse_proxy %[5]s
				}
			}
		}
		reverse_proxy %[5]s
	}`, operated.url, app, token, filepath.Join(dir, "operated.db"), backend.URL, filepath.Join(dir, "traced.db"), filepath.Join(dir, "shared.db"))
	return func() { backend.Close(); spans.Close() }, nil
}

func takeOperated(w http.ResponseWriter, r *http.Request) {
	operated.mu.Lock()
	defer operated.mu.Unlock()
	operated.requests = append(operated.requests, r)
	if operated.refusals > 0 {
		operated.refusals--
		w.WriteHeader(http.StatusServiceUnavailable)
	}
}

// takeSpans is an OTLP collector that receives traces over HTTP.
func takeSpans(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var export collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(body, &export)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	operated.mu.Lock()
	defer operated.mu.Unlock()
	for _, resource := range export.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			operated.spans = append(operated.spans, scope.Spans...)
		}
	}
}

// call sends a callback about a user to the operated site, and returns the n requests that the
// backend receives for it.
func call(t *testing.T, path, user string, n int, header ...string) []*http.Request {
	t.Helper()
	operated.mu.Lock()
	before := len(operated.requests)
	operated.calls++
	body := caddytest.BodyOf(user, operated.calls) // each call is a different event
	operated.mu.Unlock()
	r, err := callback.NewRequest(t.Context(), operated.url+path, callback.Request{SDKAppID: app, Command: profile.Command, Token: token, Body: []byte(body)})
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	response, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if answer, _ := io.ReadAll(response.Body); response.StatusCode != http.StatusOK {
		t.Fatalf("%s %s", response.Status, answer)
	}
	var got []*http.Request
	caddytest.Eventually(t, func() bool {
		operated.mu.Lock()
		defer operated.mu.Unlock()
		got = nil
		for _, r := range operated.requests[before:] {
			if r.Header.Get("Ce-Subject") == user {
				got = append(got, r)
			}
		}
		return len(got) == n
	}, "the backend gets %d requests", n)
	return got
}
