package interop

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// spanOf waits for the span with an ID.
func spanOf(t *testing.T, id string) (span *trace.Span) {
	t.Helper()
	caddytest.Eventually(t, func() bool {
		operated.mu.Lock()
		defer operated.mu.Unlock()
		for _, s := range operated.spans {
			if hex.EncodeToString(s.SpanId) == id {
				span = s
			}
		}
		return span != nil
	}, "the collector gets span %s", id)
	return span
}

// sentBy returns the span that the traceparent of a request to the backend names.
func sentBy(t *testing.T, r *http.Request) *trace.Span {
	t.Helper()
	parts := strings.Split(r.Header.Get("Traceparent"), "-")
	if len(parts) != 4 || parts[3] != "01" {
		t.Fatalf("traceparent %q", r.Header.Get("Traceparent"))
	}
	span := spanOf(t, parts[2])
	if hex.EncodeToString(span.TraceId) != parts[1] {
		t.Fatalf("traceparent %q belongs to another trace than span %s", r.Header.Get("Traceparent"), span)
	}
	for _, a := range span.Attributes {
		if value := a.Value.GetStringValue(); strings.Contains(value, "Sign=") || strings.Contains(value, token) {
			t.Errorf("span attribute %s contains a Sign: %s", a.Key, value)
		}
	}
	return span
}

// TestTraceOfACallback checks that Caddy begins the trace, since Tencent sends no trace context.
func TestTraceOfACallback(t *testing.T) {
	for _, path := range []string{"/forwarded", "/queued"} {
		t.Run(path, func(t *testing.T) {
			span := sentBy(t, call(t, path, "trace"+path[1:], 1)[0])
			if span.Name != "callback" || len(span.ParentSpanId) != 0 {
				t.Errorf("the request to the backend has the parent span %s", span)
			}
		})
	}
}

// TestTraceOfDeliveries checks that each attempt has its own span, whose parent is the span of
// the callback and not that of the previous attempt.
func TestTraceOfDeliveries(t *testing.T) {
	operated.mu.Lock()
	operated.refusals = 2
	operated.mu.Unlock()
	seen := make(map[string]bool)
	for _, r := range call(t, "/traced", "traced", 3) {
		span := sentBy(t, r)
		if span.Name != "delivery" || seen[string(span.SpanId)] {
			t.Errorf("the request to the backend has the parent span %s", span)
		}
		seen[string(span.SpanId)] = true
		if callback := spanOf(t, hex.EncodeToString(span.ParentSpanId)); callback.Name != "callback" || string(callback.TraceId) != string(span.TraceId) {
			t.Errorf("a delivery's parent is %s", callback)
		}
	}
}

// TestTraceThatTheClientBegan checks that a trace context from the client is used, as everywhere
// in Caddy.
func TestTraceThatTheClientBegan(t *testing.T) {
	const id, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, path := range []string{"/forwarded", "/queued"} {
		t.Run(path, func(t *testing.T) {
			r := call(t, path, "client"+path[1:], 1, "Traceparent", "00-"+id+"-"+parent+"-01", "Tracestate", "vendor=1")[0]
			span := sentBy(t, r)
			if hex.EncodeToString(span.TraceId) != id || hex.EncodeToString(span.ParentSpanId) != parent || r.Header.Get("Tracestate") != "vendor=1" {
				t.Errorf("the request to the backend has the parent span %s with state %q", span, r.Header.Get("Tracestate"))
			}
		})
	}
}
