package timcallback

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/queues"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// discardWriter is a ResponseWriter that costs nothing.
type discardWriter struct {
	header http.Header
	status int
}

func (w *discardWriter) Header() http.Header             { return w.header }
func (w *discardWriter) WriteHeader(status int)          { w.status = status }
func (w *discardWriter) Write(b []byte) (int, error)     { return len(b), nil }
func (w *discardWriter) SetReadDeadline(time.Time) error { return nil }

type nopBody struct{ strings.Reader }

func (*nopBody) Close() error { return nil }

// benchmarkServeHTTP serves the documented sample.Body, signed, again and again.
// What Caddy's server does for a request is not in the figure.
func benchmarkServeHTTP(b *testing.B, configure func(*Handler), next func(http.ResponseWriter, *http.Request) error, status int) {
	benchmarkHandler(b, benchmarked(b, configure), next, status)
}

func benchmarked(b *testing.B, configure func(*Handler)) *Handler {
	h, _ := provisioned(b, func(h *Handler) {
		configure(h)
		h.MaxAge = caddy.Duration(time.Hour) // the benchmark may run longer than a Sign is fresh
	})
	h.logger = zap.NewNop()
	return h
}

func benchmarkHandler(b *testing.B, h *Handler, next func(http.ResponseWriter, *http.Request) error, status int) {
	benchmarkCallback(b, h, caddytest.SignedQuery(), sample.Body, next, status)
}

func benchmarkCallback(b *testing.B, h *Handler, query, text string, next func(http.ResponseWriter, *http.Request) error, status int) {
	w := &discardWriter{header: make(http.Header)}
	body := new(nopBody)
	var template *http.Request
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%256 == 0 {
			template = tlsRequest("POST", query, text) // its replacer remembers every callback
		}
		body.Reset(text)
		r := *template
		r.Body = body
		clear(w.header)
		clear(r.Header)
		_ = h.ServeHTTP(w, &r, caddyhttp.HandlerFunc(next))
	}
	if w.status != status {
		b.Fatalf("status %d", w.status)
	}
}

// remembering has callbacks remembered while a benchmark runs, as in a Caddy.
func remembering(tb testing.TB) {
	recent.Process.Resize(recent.DefaultSize)
	tb.Cleanup(func() { recent.Process.Resize(0) })
}

func BenchmarkServeHTTPAckRecent(b *testing.B) {
	remembering(b)
	BenchmarkServeHTTPAck(b)
}

func BenchmarkServeHTTPQueueRecent(b *testing.B) {
	remembering(b)
	BenchmarkServeHTTPQueue(b)
}

func BenchmarkServeHTTPRefuseRecent(b *testing.B) {
	remembering(b)
	BenchmarkServeHTTPRefuse(b)
}

func BenchmarkServeHTTPAck(b *testing.B) {
	benchmarkServeHTTP(b, func(h *Handler) { h.Answer = AnswerAck }, nil, http.StatusOK)
}

// BenchmarkServeHTTPMessage acknowledges a message of 700 bytes between two users.
func BenchmarkServeHTTPMessage(b *testing.B) {
	h := benchmarked(b, func(h *Handler) { h.Answer, h.Commands = AnswerAck, []string{callback.PatternAll} })
	const command = "C2C.CallbackAfterSendMsg"
	body := `{"CallbackCommand":"` + command + `","From_Account":"jared","To_Account":"Johnson","MsgSeq":48374,"MsgRandom":2837546,"MsgTime":1557481126,` +
		`"MsgKey":"48374_2837546_1557481126","MsgId":"144115233406643804-1727580296-4026038328","OnlineOnlyFlag":0,"SendMsgResult":0,"ErrorInfo":"send msg succeed",` +
		`"UnreadMsgNum":7,"EventTime":1670574414123,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"` + strings.Repeat("red packet ", 24) + `"}}],"CloudCustomData":"x"}`
	if len(body) < 680 || len(body) > 720 {
		b.Fatalf("the body has %d bytes", len(body))
	}
	benchmarkCallback(b, h, caddytest.SignedQuery("CallbackCommand", command), body, nil, http.StatusOK)
}

// BenchmarkServeHTTPQueue has a store that costs nothing.
func BenchmarkServeHTTPQueue(b *testing.B) {
	h := benchmarked(b, func(h *Handler) { h.Answer = AnswerAck })
	h.Queue = &Queue{Name: "bench"}
	app := new(queues.App)
	defer func() { _ = app.Cleanup() }()
	var err error
	if h.queue, err = app.Declare(queues.Spec{Name: "bench", Module: nullModule{}, Logger: zap.NewNop()}, ""); err != nil {
		b.Fatal(err)
	}
	benchmarkHandler(b, h, nil, http.StatusOK)
}

// nullModule opens a store that keeps nothing.
type nullModule struct{}

func (nullModule) Location(name string) string                     { return name }
func (nullModule) Place(name string) string                        { return name }
func (nullModule) Files(string) []string                           { return nil }
func (nullModule) Open(string, queue.Options) (queue.Store, error) { return nullStore{}, nil }

type nullStore struct{ queue.Store }

func (nullStore) Put(context.Context, queue.Event) (bool, error) { return true, nil }
func (nullStore) Close() error                                   { return nil }

func BenchmarkServeHTTPForward(b *testing.B) {
	answer := callback.OK().JSON()
	benchmarkServeHTTP(b, func(*Handler) {}, func(w http.ResponseWriter, r *http.Request) error {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(answer)
		return nil
	}, http.StatusOK)
}

func BenchmarkServeHTTPRefuse(b *testing.B) {
	benchmarkServeHTTP(b, func(h *Handler) { h.Apps[0].Tokens = []string{"other"} }, nil, http.StatusUnauthorized)
}
