package timcallback

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// rawBackend answers every request on a plain connection with what respond writes.
func rawBackend(t *testing.T, respond func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				req, err := http.ReadRequest(bufio.NewReader(conn))
				if err != nil {
					return
				}
				// what is left unread would make closing reset the connection
				_, _ = io.Copy(io.Discard, req.Body)
				respond(conn)
			}()
		}
	}()
	return l.Addr().String()
}

func writing(text string) func(net.Conn) {
	return func(c net.Conn) { _, _ = io.WriteString(c, text) }
}

// hanging waits, after text, until the other side hangs up.
func hanging(text string) func(net.Conn) {
	return func(c net.Conn) {
		_, _ = io.WriteString(c, text)
		_, _ = io.Copy(io.Discard, c)
	}
}

// backendCase is a way in which a backend may behave.
type backendCase struct {
	name    string
	respond func(net.Conn)
	address string
	status  int    // that Tencent gets of forwarded news
	action  string // that Tencent gets of forwarded news
	answer  string // what the backend answers, if it is a callback answer
}

// start starts the backend.
func (tc *backendCase) start(t *testing.T) (address string) {
	t.Helper()
	if tc.address != "" {
		return tc.address
	}
	return rawBackend(t, tc.respond)
}

// backendCases are all kinds of backends.
func backendCases(t *testing.T) []backendCase {
	const ok200 = "HTTP/1.1 200 OK\r\nContent-Length: "
	body := func(s string) string { return fmt.Sprintf("%d\r\n\r\n%s", len(s), s) }
	endless := func(c net.Conn) {
		_, _ = io.WriteString(c, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
		chunk := []byte(strings.Repeat("x", 32<<10))
		for {
			if _, err := c.Write(chunk); err != nil {
				return
			}
		}
	}
	closed := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		return l.Addr().String()
	}()
	gzipped := func() string {
		var b strings.Builder
		z := gzip.NewWriter(&b)
		_, _ = z.Write(callback.Fail("no").JSON())
		_ = z.Close()
		return b.String()
	}()
	const fail = `{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"no", "x": [1]}`
	return []backendCase{
		{name: "callback answer OK", answer: string(callback.OK().JSON()), respond: writing(ok200 + body(string(callback.OK().JSON()))), status: 200, action: "OK"},
		{name: "callback answer FAIL", answer: fail, respond: writing(ok200 + body(fail)), status: 200, action: "FAIL"},
		{name: "200 without a body", respond: writing(ok200 + body("")), status: 200, action: "OK"},
		{name: "200 with another body", respond: writing(ok200 + body("<html>")), status: 200, action: "OK"},
		{name: "200 with half an answer", respond: writing(ok200 + body(`{"ActionStatus":"FAIL"}`)), status: 200, action: "OK"},
		{name: "201 with an answer", respond: writing("HTTP/1.1 201 Created\r\nContent-Length: " + body(fail)), status: 200, action: "OK"},
		{name: "204", respond: writing("HTTP/1.1 204 No Content\r\n\r\n"), status: 200, action: "OK"},
		{name: "302", respond: writing("HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: " + body("")), status: 502, action: "FAIL"},
		{name: "404", respond: writing("HTTP/1.1 404 Not Found\r\nContent-Length: " + body("nope")), status: 502, action: "FAIL"},
		{name: "500 with an answer", respond: writing("HTTP/1.1 500 Oops\r\nContent-Length: " + body(fail)), status: 502, action: "FAIL"},
		{name: "500 whose body hangs", respond: hanging("HTTP/1.1 500 Oops\r\nContent-Length: 9\r\n\r\nx"), status: 502, action: "FAIL"},
		{name: "refused connection", address: closed, status: 502, action: "FAIL"},
		{name: "closed without a word", respond: writing(""), status: 502, action: "FAIL"},
		{name: "not HTTP", respond: writing("SSH-2.0-x\r\n"), status: 502, action: "FAIL"},
		{name: "hang", respond: hanging(""), status: 504, action: "FAIL"},
		{name: "body that hangs", respond: hanging(ok200 + "99\r\n\r\n{"), status: 504, action: "FAIL"},
		{name: "body that breaks off", respond: writing(ok200 + "99\r\n\r\n{"), status: 502, action: "FAIL"},
		{name: "chunked body that breaks off", respond: writing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n"), status: 502, action: "FAIL"},
		{name: "huge body", respond: writing(ok200 + body(strings.Repeat(" ", 1<<20)+fail)), status: 200, action: "OK"},
		{name: "endless body", respond: endless, status: 200, action: "OK"},
		{name: "early hints", answer: fail, respond: writing("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" + ok200 + body(fail)), status: 200, action: "FAIL"},
		{
			name:    "trailers",
			answer:  fail,
			respond: writing("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\nX: y\r\n\r\n", len(fail), fail)),
			status:  200, action: "FAIL",
		},
		{name: "compressed although not asked to", respond: writing("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: " + body(gzipped)), status: 200, action: "OK"},
		{name: "switching protocols", respond: writing("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n"), status: 502, action: "FAIL"},
	}
}

// TestBackendBehaviour has reverse_proxy in front of every kind of backend.
func TestBackendBehaviour(t *testing.T) {
	for _, tc := range backendCases(t) {
		t.Run(tc.name, func(t *testing.T) {
			address := tc.start(t)
			timeout := ""
			if tc.status == 504 {
				timeout = "timeout 300ms"
			}
			e := caddytest.StartEdge(t, "tim_callback /im/callback 1400000000 xxxxyyyy {\n"+timeout+"\n}\n"+
				// these backends close their connections without saying so
				"reverse_proxy "+address+" {\ntransport http {\nkeepalive off\n}\n}")
			e.Want(tc.status, tc.action)
			if tc.status != 200 {
				e.Logged("callback not forwarded", `"level":"warn"`, "id1")
			} else {
				e.Logged("callback forwarded", `"level":"debug"`)
			}
			e.LoggedNoSecrets()
			// and nothing of it disturbs the next callback on the connection
			e.Want(tc.status, tc.action)
		})
	}
}

// TestNothingButTheAnswerComesBack has a backend that says too much.
func TestNothingButTheAnswerComesBack(t *testing.T) {
	backend := caddytest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Set-Cookie", "a=b")
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Content-Encoding", "br")
		w.Header().Set("Trailer", "X-After")
		_, _ = w.Write(callback.OK().JSON())
		w.Header().Set("X-After", "1")
	})
	e := caddytest.StartEdge(t, "tim_callback /im/callback 1400000000 xxxxyyyy\nreverse_proxy "+backend)
	resp, err := e.Client.Post(e.URL()+"?"+caddytest.SignedQuery(), "", strings.NewReader(sample.Body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, _ := io.ReadAll(resp.Body); string(body) != string(callback.OK().JSON()) {
		t.Errorf("body %q", body)
	}
	for name := range resp.Header {
		switch name {
		case "Content-Type", "Content-Length", "Date", "Server", "Alt-Svc":
		default:
			t.Errorf("header %s of the backend reached Tencent", name)
		}
	}
	if len(resp.Trailer) > 0 {
		t.Errorf("trailers %v", resp.Trailer)
	}
}

func TestNoHandlerBehind(t *testing.T) {
	e := caddytest.StartEdge(t, "route {\ntim_callback /im/callback 1400000000 xxxxyyyy\nvars a b\n}")
	e.Want(502, "FAIL")
	e.Logged("no handler after tim_callback answers")
}

// TestAnswerDespiteHandleErrors has an operator's error page, which must not
// take the place of an answer.
func TestAnswerDespiteHandleErrors(t *testing.T) {
	e := caddytest.StartEdge(t, `tim_callback /im/callback 1400000000 xxxxyyyy {
		other_commands pass
	}
	route /im/callback {
		error "teapot" 418
	}
	handle_errors {
		respond "<html>oops</html>"
	}`)
	e.Want(502, "FAIL")
	for _, query := range []string{"", "SdkAppid=1&CallbackCommand=x", caddytest.SignedQuery("CallbackCommand", "C2C.CallbackBeforeSendMsg")} {
		if status, answer, err := e.Send(e.Client, query, "{}"); err != nil || status < 400 || answer.ActionStatus != "FAIL" {
			t.Errorf("%s: %d %+v %v", query, status, answer, err)
		}
	}
}

// TestBudgetAgainstStubbornHandlers has reverse_proxy try again and again, which
// it does without looking at the request's deadline.
func TestBudgetAgainstStubbornHandlers(t *testing.T) {
	e := caddytest.StartEdge(t, `tim_callback /im/callback 1400000000 xxxxyyyy {
		timeout 500ms
	}
	reverse_proxy 127.0.0.1:1 {
		lb_try_duration 3s
	}`)
	for range 3 {
		if took := e.Want(504, "FAIL"); took > 1500*time.Millisecond {
			t.Errorf("answered after %s", took)
		}
	}
}

// TestSlowBody has a sender that sends half a body and waits.
func TestSlowBody(t *testing.T) {
	e := caddytest.StartEdge(t, "tim_callback /im/callback 1400000000 xxxxyyyy {\ntimeout 300ms\n}\nrespond ok")
	for name, query := range map[string]string{"genuine": caddytest.SignedQuery(), "refused": caddytest.SignedQuery("Sign", "x")} {
		body, feed := io.Pipe()
		go func() { _, _ = io.WriteString(feed, sample.Body[:20]) }()
		req, err := http.NewRequest("POST", e.URL()+"?"+query, body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = int64(len(sample.Body))
		start := time.Now()
		resp, err := e.Client.Do(req)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		_ = feed.Close()
		if resp.StatusCode < 400 || time.Since(start) > 2*time.Second {
			t.Errorf("%s: status %d after %s", name, resp.StatusCode, time.Since(start))
		}
	}
	e.Logged("callback refused", "body_read")
}

// TestBackendGetsTheEvent reads what arrives behind reverse_proxy.
func TestBackendGetsTheEvent(t *testing.T) {
	type received struct {
		header  http.Header
		trailer http.Header
		body    string
		uri     string
		length  int64
	}
	var last atomic.Pointer[received]
	backend := caddytest.Serve(t, func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		last.Store(&received{r.Header.Clone(), r.Trailer.Clone(), string(body), r.RequestURI, r.ContentLength})
	})
	e := caddytest.StartEdge(t, `tim_callback /im/callback 1400000000 xxxxyyyy {
		other_commands pass
		sign `+testSecret+`
	}
	tim_callback /im/original 1400000000 xxxxyyyy {
		body original
	}
	reverse_proxy `+backend)
	post := func(path, query, body string) *received {
		t.Helper()
		last.Store(nil)
		req, err := http.NewRequest("POST", strings.Replace(e.URL(), "/im/callback", path, 1)+"?"+query, io.MultiReader(strings.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.Header = http.Header{
			"Content-Type": {"application/json"}, "Ce-Id": {"forged"}, "Ce-Forged": {"1"}, "CE-SOURCE": {"forged"}, "Webhook-Id": {"forged"},
			"Webhook-Signature": {"forged"}, "Accept-Encoding": {"gzip"}, "Expect": {"100-continue"}, "X-Kept": {"1"},
		}
		req.Trailer = http.Header{"Ce-Trailer": {"forged"}, "X-Trailer": {"1"}}
		resp, err := e.Client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		got := last.Load()
		if got == nil {
			t.Fatalf("nothing reached the backend, status %d", resp.StatusCode)
		}
		for name, values := range got.header {
			if strings.Contains(strings.Join(values, " "), "forged") || name == "Ce-Forged" {
				t.Errorf("forged header %s: %q reached the backend", name, values)
			}
		}
		if len(got.trailer) > 0 {
			t.Errorf("trailers %v reached the backend", got.trailer)
		}
		if got.header.Get("X-Kept") != "1" {
			t.Error("an ordinary header was lost")
		}
		return got
	}

	query := caddytest.SignedQuery()
	got := post("/im/callback", query, sample.Body)
	if got.body != sample.Normalized || got.length != int64(len(sample.Normalized)) {
		t.Errorf("body %s", got.body)
	}
	if got.uri != "/im/callback?"+query {
		t.Errorf("URL %s", got.uri)
	}
	id := callback.EventID(sample.SDKAppID, profile.Command, "", []byte(sample.Body))
	for name, want := range map[string]string{
		"Ce-Specversion": "1.0", "Ce-Id": id, "Ce-Source": "/tim/apps/1400000000",
		"Ce-Type": "com.tencent.im.Profile.CallbackPortraitSet", "Ce-Subject": "id1", "Ce-Time": "2022-07-04T07:50:52.497Z",
		"Ce-Sdkappid": "1400000000", "Ce-Operator": "id1", "Ce-Platform": "ios", "Ce-Clientip": "127.0.0.1",
		"Ce-Changed": "nick,gender,allow_type,custom.Data", "Webhook-Id": id, "Content-Type": "application/json", "Accept-Encoding": "identity",
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
		}
	}
	if got.header["Ce-Sequence"] != nil {
		t.Error("an event that was in no queue has a sequence")
	}
	secret, _ := callback.ParseSecret(testSecret)
	if err := callback.VerifyWebhook(got.header, []byte(got.body), time.Now(), time.Minute, secret); err != nil {
		t.Error(err)
	}

	if got = post("/im/original", caddytest.SignedQuery(), sample.Body); got.body != sample.Body || got.header.Get("Ce-Id") != id || got.header.Get("Webhook-Id") != "" {
		t.Errorf("original: %+v", got)
	}
	const other = `{"CallbackCommand":"C2C.CallbackBeforeSendMsg", "x": 1}`
	if got = post("/im/callback", caddytest.SignedQuery("CallbackCommand", "C2C.CallbackBeforeSendMsg"), other); got.body != other || got.header.Get("Ce-Id") != "" {
		t.Errorf("passed: %+v", got)
	}
}
