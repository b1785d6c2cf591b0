package timcallback

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// series is what a scrape finds of this module: values by name and labels.
type series map[string]float64

func parseSeries(text io.Reader) (series, error) {
	found := make(series)
	for scanner := bufio.NewScanner(text); scanner.Scan(); {
		name, value, ok := strings.Cut(scanner.Text(), " ")
		if !ok || !strings.HasPrefix(name, "caddy_tim_callback_") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if _, twice := found[name]; err != nil || twice {
			return nil, fmt.Errorf("%s is there twice, or is no number: %w", scanner.Text(), err)
		}
		found[name] = n
	}
	return found, nil
}

// scrape reads the metrics from a registry such as Caddy makes for each configuration.
func scrape() (series, error) {
	registry := prometheus.NewPedanticRegistry()
	if err := registerMetrics(registry); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		return nil, fmt.Errorf("status %d: %s", w.Code, w.Body)
	}
	return parseSeries(w.Body)
}

func scraped(t *testing.T) series {
	t.Helper()
	found, err := scrape()
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func requestSeries(r result) string {
	return fmt.Sprintf(`caddy_tim_callback_requests_total{result="%s"}`, r)
}

// counted has one request answered, and returns as what it was counted.
func counted(t *testing.T, request func()) result {
	t.Helper()
	const answers = "caddy_tim_callback_answer_seconds_count"
	before := scraped(t)
	request()
	after := scraped(t)
	eventually(t, func() bool { after = scraped(t); return after[answers] > before[answers] }, "the request is not counted")
	var as []result
	for _, r := range results() {
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
	for name := range scraped(t) {
		if label, ok := strings.CutPrefix(name, `caddy_tim_callback_requests_total{result="`); ok {
			got = append(got, strings.TrimSuffix(label, `"}`))
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("results\n%v, want\n%v", got, want)
	}
	for _, unknown := range []result{"", "made up", "C2C.CallbackBeforeSendMsg"} {
		if as := counted(t, (&callback{result: unknown, began: time.Now()}).count); as != resultUpstreamError {
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
		want    result
	}{
		{"acknowledged", AnswerAck, "", nil, resultOK},
		{"taken", AnswerForward, "", writing(204, ""), resultOK},
		{"backend answers FAIL", AnswerForward, "", writing(200, string(profile.Fail("x").JSON())), resultOK},
		{"backend refuses", AnswerForward, "", writing(404, ""), resultUpstreamError},
		{"backend is overloaded", AnswerForward, "", writing(503, ""), resultUpstreamError},
		{"no connection", AnswerForward, "", failing, resultUpstreamError},
		{"no handler", AnswerForward, "", nothing, resultUpstreamError},
		{"panic", AnswerForward, "", panicking("x"), resultUpstreamError},
		{"broken answer", AnswerForward, "", breaking, resultUpstreamError},
		{"no answer in time", AnswerForward, "", waiting, resultUpstreamTimeout},
		{"passed", AnswerForward, other, writing(200, "{}"), resultPassed},
		{"passed with a failure", AnswerAck, other, writing(500, ""), resultPassed},
		{"passed, no connection", AnswerForward, other, failing, resultUpstreamError},
		{"passed, no handler", AnswerForward, other, nothing, resultUpstreamError},
		{"passed, panic", AnswerForward, other, panicking("x"), resultUpstreamError},
		{"passed, broken answer", AnswerForward, other, breaking, resultUpstreamError},
		{"passed, no answer in time", AnswerForward, other, waiting, resultUpstreamTimeout},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, _ := provisioned(t, func(h *Handler) {
				h.Answer, h.OtherCommands, h.Timeout = tc.answer, OtherPass, caddy.Duration(50*time.Millisecond)
			})
			query := signedQuery()
			if tc.command != "" {
				query = signedQuery("CallbackCommand", tc.command)
			}
			got := counted(t, func() {
				defer func() {
					if p := recover(); p != nil && p != http.ErrAbortHandler {
						t.Error(p)
					}
				}()
				if err := h.ServeHTTP(httptest.NewRecorder(), tlsRequest("POST", query, sample), tc.next); err != nil {
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
			before := scraped(t)[requestSeries(resultUpstreamTimeout)]
			eventually(t, func() bool { return scraped(t)[requestSeries(resultUpstreamTimeout)] > before }, "not counted while the handler runs")
			return nil
		}
		if w, _ := serve(t, h, tlsRequest("POST", signedQuery(), sample), stubborn); w.Code != http.StatusGatewayTimeout {
			t.Errorf("status %d", w.Code)
		}
	})
	if got != resultUpstreamTimeout {
		t.Errorf("counted as %s", got)
	}
}

// TestMetricsTwiceInARegistry: a configuration may have many handlers.
func TestMetricsTwiceInARegistry(t *testing.T) {
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	defer cancel()
	for range 2 {
		h := &Handler{Apps: []App{{SDKAppID: testApp, Tokens: []string{testToken}}}}
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
	c := &callback{result: resultOK, began: time.Now()}
	for b.Loop() {
		c.counted = false
		c.count()
	}
}
