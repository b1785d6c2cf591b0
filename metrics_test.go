package timcallback

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

func requestSeries(r recent.Result) string {
	return fmt.Sprintf(`caddy_tim_callback_requests_total{result="%s"}`, r)
}

// counted has one request answered, and returns as what it was counted.
func counted(t *testing.T, request func()) recent.Result {
	t.Helper()
	const answers = "caddy_tim_callback_answer_seconds_count"
	before := caddytest.MustScrape(t)
	request()
	after := caddytest.MustScrape(t)
	caddytest.Eventually(t, func() bool { after = caddytest.MustScrape(t); return after[answers] > before[answers] }, "the request is not counted")
	var as []recent.Result
	for _, r := range recent.Results() {
		for range int(after[requestSeries(r)] - before[requestSeries(r)]) {
			as = append(as, r)
		}
	}
	if len(as) != 1 || after[answers] != before[answers]+1 || len(after) != len(before) {
		t.Fatalf("one request is counted as %v, and %g answers", as, after[answers]-before[answers])
	}
	return as[0]
}

// TestResultsAreClosed holds the labels against what is documented.
func TestResultsAreClosed(t *testing.T) {
	want := strings.Fields(`ok passed upstream_error upstream_timeout queue_error
		plain_http early_data method client_cert bad_query unknown_app unsigned stale bad_sign content_type command too_large body_read bad_body`)
	var got []string
	for name := range caddytest.MustScrape(t) {
		if label, ok := strings.CutPrefix(name, `caddy_tim_callback_requests_total{result="`); ok {
			got = append(got, strings.TrimSuffix(label, `"}`))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("results\n%v, want\n%v", got, want)
	}
	for _, unknown := range []recent.Result{"", "made up", "C2C.CallbackBeforeSendMsg"} {
		if as := counted(t, (&exchange{result: unknown, began: time.Now()}).count); as != recent.UpstreamError {
			t.Errorf("%q is counted as %s", unknown, as)
		}
	}
}

func TestResults(t *testing.T) {
	writing := func(status int, body string) caddyhttp.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(status)
			_, err := io.WriteString(w, body)
			return err
		}
	}
	waiting := func(_ http.ResponseWriter, r *http.Request) error {
		<-r.Context().Done()
		return r.Context().Err()
	}
	panicking := func(v any) caddyhttp.HandlerFunc {
		return func(http.ResponseWriter, *http.Request) error { panic(v) }
	}
	breaking := func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusOK)
		panic(http.ErrAbortHandler)
	}
	nothing := func(http.ResponseWriter, *http.Request) error { return nil }
	failing := func(http.ResponseWriter, *http.Request) error { return caddyhttp.Error(502, io.ErrUnexpectedEOF) }
	const other = "C2C.CallbackBeforeSendMsg"
	for _, tc := range []struct {
		name    string
		answer  string
		command string
		next    caddyhttp.HandlerFunc
		want    recent.Result
	}{
		{"acknowledged", AnswerAck, "", nil, recent.OK},
		{"taken", AnswerForward, "", writing(204, ""), recent.OK},
		{"backend answers FAIL", AnswerForward, "", writing(200, string(callback.Fail("x").JSON())), recent.OK},
		{"backend refuses", AnswerForward, "", writing(404, ""), recent.UpstreamError},
		{"backend is overloaded", AnswerForward, "", writing(503, ""), recent.UpstreamError},
		{"no connection", AnswerForward, "", failing, recent.UpstreamError},
		{"no handler", AnswerForward, "", nothing, recent.UpstreamError},
		{"panic", AnswerForward, "", panicking("x"), recent.UpstreamError},
		{"broken answer", AnswerForward, "", breaking, recent.UpstreamError},
		{"no answer in time", AnswerForward, "", waiting, recent.UpstreamTimeout},
		{"passed", AnswerForward, other, writing(200, "{}"), recent.Passed},
		{"passed with a failure", AnswerAck, other, writing(500, ""), recent.Passed},
		{"passed, no connection", AnswerForward, other, failing, recent.UpstreamError},
		{"passed, no handler", AnswerForward, other, nothing, recent.UpstreamError},
		{"passed, panic", AnswerForward, other, panicking("x"), recent.UpstreamError},
		{"passed, broken answer", AnswerForward, other, breaking, recent.UpstreamError},
		{"passed, no answer in time", AnswerForward, other, waiting, recent.UpstreamTimeout},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, _ := provisioned(t, func(h *Handler) {
				h.Answer, h.OtherCommands = tc.answer, OtherPass
				if tc.want == recent.UpstreamTimeout {
					h.Timeout = caddy.Duration(50 * time.Millisecond)
				}
			})
			query := caddytest.SignedQuery()
			if tc.command != "" {
				query = caddytest.SignedQuery("CallbackCommand", tc.command)
			}
			got := counted(t, func() {
				defer func() {
					if p := recover(); p != nil && p != http.ErrAbortHandler {
						t.Error(p)
					}
				}()
				if err := h.ServeHTTP(httptest.NewRecorder(), tlsRequest("POST", query, sample.Body), tc.next); err != nil {
					t.Error(err)
				}
			})
			if got != tc.want {
				t.Errorf("counted as %s, want %s", got, tc.want)
			}
		})
	}
}

// TestLateAnswerIsCountedWhenGiven has a handler that goes on until the answer,
// which was given in its place, is seen to be counted.
func TestLateAnswerIsCountedWhenGiven(t *testing.T) {
	h, _ := provisioned(t, func(h *Handler) { h.Timeout = caddy.Duration(20 * time.Millisecond) })
	got := counted(t, func() {
		stubborn := func(http.ResponseWriter, *http.Request) error {
			before := caddytest.MustScrape(t)[requestSeries(recent.UpstreamTimeout)]
			caddytest.Eventually(t, func() bool { return caddytest.MustScrape(t)[requestSeries(recent.UpstreamTimeout)] > before }, "not counted while the handler runs")
			return nil
		}
		if w, _ := serve(t, h, tlsRequest("POST", caddytest.SignedQuery(), sample.Body), stubborn); w.Code != http.StatusGatewayTimeout {
			t.Errorf("status %d", w.Code)
		}
	})
	if got != recent.UpstreamTimeout {
		t.Errorf("counted as %s", got)
	}
}

// TestMetricsTwiceInARegistry: a configuration may have many handlers.
func TestMetricsTwiceInARegistry(t *testing.T) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	for range 2 {
		h := &Handler{Apps: []App{{SDKAppID: sample.SDKAppID, Tokens: []string{sample.Token}}}}
		if err := h.Provision(ctx); err != nil {
			t.Fatal(err)
		}
	}
	families, err := ctx.GetMetricsRegistry().Gather()
	if err != nil {
		t.Error(err)
	}
	names := make(map[string]bool)
	for _, family := range families {
		names[family.GetName()] = true
	}
	for _, name := range []string{"caddy_tim_callback_requests_total", "caddy_tim_callback_answer_seconds"} {
		if !names[name] {
			t.Errorf("no %s in %v", name, slices.Sorted(maps.Keys(names)))
		}
	}
}

func BenchmarkCount(b *testing.B) {
	b.ReportAllocs()
	c := &exchange{result: recent.OK, began: time.Now()}
	for b.Loop() {
		c.counted = false
		c.count()
	}
}

// TestResultsWithAQueue are those that only a queue has.
func TestResultsWithAQueue(t *testing.T) {
	backend := caddytest.StartBackend(t)
	address := backend.Address
	backend.Answer(http.StatusServiceUnavailable)
	e := caddytest.StartEdge(t, "tim_callback 1400000000 xxxxyyyy {\nanswer forward\n"+caddytest.QueueBlock(t.TempDir(), address, "max_events 1")+"\n}\nreverse_proxy "+address)
	for _, tc := range []struct {
		name   string
		status int
		want   recent.Result
	}{
		{"not forwarded but stored", 200, recent.OK},
		{"stored before", 200, recent.OK},
		{"no room", 503, recent.QueueError},
	} {
		body := sample.Body
		if tc.status != 200 {
			body = caddytest.BodyOf("b", 1)
		}
		got := counted(t, func() {
			if status, _, err := e.Send(e.Client, caddytest.SignedQuery(), body); status != tc.status {
				t.Errorf("%s: %d %v", tc.name, status, err)
			}
		})
		if got != tc.want {
			t.Errorf("%s: counted as %s, want %s", tc.name, got, tc.want)
		}
	}
	backend.Answer(http.StatusOK)
	caddytest.WaitEmpty(t, "default")
}
