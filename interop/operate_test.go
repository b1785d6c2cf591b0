package interop

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	trace "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// operated is a site with tracing, metrics and a queue. It is plain HTTP, as
// those who scrape it would have it.
var operated struct {
	config string
	url    string

	mu       sync.Mutex
	calls    int             // so far, so that no two are the same event
	refusals int             // how many deliveries the backend is still to fail
	requests []*http.Request // that the backend got
	spans    []*trace.Span   // that the collector got
}

// startOperated starts what is around the site: its backend and an OTLP collector.
func startOperated(dir string) (stop func(), err error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
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
		reverse_proxy %[5]s
	}`, operated.url, app, token, filepath.Join(dir, "operated.db"), backend.URL, filepath.Join(dir, "traced.db"))
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

// takeSpans is an OTLP collector, as far as traces over HTTP go.
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

// call sends a callback of a user to the operated site, and returns what the
// backend gets for it, in n requests.
func call(t *testing.T, path, user string, n int, header ...string) []*http.Request {
	t.Helper()
	operated.mu.Lock()
	before := len(operated.requests)
	operated.calls++
	body := strings.ReplaceAll(sample, `"id1"`, strconv.Quote(user))
	body = strings.Replace(body, "1656921052497", strconv.Itoa(1656921052497+operated.calls), 1) // never the same event
	operated.mu.Unlock()
	r, err := profile.NewRequest(t.Context(), operated.url+path, profile.Callback{SDKAppID: app, Token: token, Body: []byte(body)})
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
	eventually(t, func() bool {
		operated.mu.Lock()
		defer operated.mu.Unlock()
		got = nil
		for _, r := range operated.requests[before:] {
			if r.Header.Get("Ce-Subject") == user {
				got = append(got, r)
			}
		}
		return len(got) == n
	})
	return got
}

func eventually(t *testing.T, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !condition(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("it does not happen")
		}
	}
}
