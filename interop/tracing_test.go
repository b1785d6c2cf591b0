package interop

import (
	"encoding/hex"
	"net/http"
	"strings"
	"testing"

	trace "go.opentelemetry.io/proto/otlp/trace/v1"
)

// spanOf waits for a span of an ID.
func spanOf(t *testing.T, id string) (span *trace.Span) {
	t.Helper()
	eventually(t, func() bool {
		operated.mu.Lock()
		defer operated.mu.Unlock()
		for _, s := range operated.spans {
			if hex.EncodeToString(s.SpanId) == id {
				span = s
			}
		}
		return span != nil
	})
	return span
}

// sentBy returns the span under which the backend was asked, which its
// traceparent names.
func sentBy(t *testing.T, r *http.Request) *trace.Span {
	t.Helper()
	parts := strings.Split(r.Header.Get("Traceparent"), "-")
	if len(parts) != 4 || parts[3] != "01" {
		t.Fatalf("traceparent %q", r.Header.Get("Traceparent"))
	}
	span := spanOf(t, parts[2])
	if hex.EncodeToString(span.TraceId) != parts[1] {
		t.Fatalf("traceparent %q is of another trace than span %s", r.Header.Get("Traceparent"), span)
	}
	for _, a := range span.Attributes {
		if value := a.Value.GetStringValue(); strings.Contains(value, "Sign=") || strings.Contains(value, token) {
			t.Errorf("span attribute %s holds a Sign: %s", a.Key, value)
		}
	}
	return span
}

// TestTraceOfACallback: Tencent sends no trace context, so that the trace is the
// one that Caddy begins.
func TestTraceOfACallback(t *testing.T) {
	for _, path := range []string{"/forwarded", "/queued"} {
		t.Run(path, func(t *testing.T) {
			span := sentBy(t, call(t, path, "trace"+path[1:], 1)[0])
			if span.Name != "callback" || len(span.ParentSpanId) != 0 {
				t.Errorf("the backend is asked under span %s", span)
			}
		})
	}
}

// TestTraceOfDeliveries has spans of their own for attempts: each belongs to the
// callback, not to the attempt before.
func TestTraceOfDeliveries(t *testing.T) {
	operated.mu.Lock()
	operated.refusals = 2
	operated.mu.Unlock()
	seen := make(map[string]bool)
	for _, r := range call(t, "/traced", "traced", 3) {
		span := sentBy(t, r)
		if span.Name != "delivery" || seen[string(span.SpanId)] {
			t.Errorf("the backend is asked under span %s", span)
		}
		seen[string(span.SpanId)] = true
		if callback := spanOf(t, hex.EncodeToString(span.ParentSpanId)); callback.Name != "callback" || string(callback.TraceId) != string(span.TraceId) {
			t.Errorf("a delivery's parent is %s", callback)
		}
	}
}

// TestTraceThatTheClientBegan is honoured, as Caddy honours it elsewhere.
func TestTraceThatTheClientBegan(t *testing.T) {
	const id, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, path := range []string{"/forwarded", "/queued"} {
		t.Run(path, func(t *testing.T) {
			r := call(t, path, "client"+path[1:], 1, "Traceparent", "00-"+id+"-"+parent+"-01", "Tracestate", "vendor=1")[0]
			span := sentBy(t, r)
			if hex.EncodeToString(span.TraceId) != id || hex.EncodeToString(span.ParentSpanId) != parent || r.Header.Get("Tracestate") != "vendor=1" {
				t.Errorf("the backend is asked under span %s with state %q", span, r.Header.Get("Tracestate"))
			}
		})
	}
}
