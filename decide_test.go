package timcallback

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap/zapcore"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

// decision sends a callback that asks for a decision and returns the answer.
func decision(t *testing.T, e *caddytest.Edge, command, body string) (status int, answer string) {
	t.Helper()
	began := time.Now()
	resp, err := e.Client.Post(e.URL()+"?"+caddytest.SignedQuery("CallbackCommand", command), "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := callback.ParseAnswer(text); err != nil || resp.Header.Get("Content-Type") != "application/json" {
		t.Errorf("%s: answer %q, %v", command, text, err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("%s: answered after %s, when Tencent has gone", command, took)
	}
	return resp.StatusCode, string(text)
}

const (
	aMessage       = `{"CallbackCommand":"C2C.CallbackBeforeSendMsg","From_Account":"a","To_Account":"b","MsgKey":"k","MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"secret text"}}]}`
	aGroupMessage  = `{"CallbackCommand":"Group.CallbackBeforeSendMsg","GroupId":"g","From_Account":"a"}`
	aFriendRequest = `{"CallbackCommand":"Sns.CallbackPrevFriendAdd","From_Account":"a","FriendItem":[{"To_Account":"b"},{"To_Account":"c"}]}`
	aSignal        = `{"CallbackCommand":"Chatbot.OnC2CSignalMessage","From_Account":"a","To_Account":"b"}`
)

// TestDecisions asks every kind of backend for decisions. A valid answer is passed on byte
// for byte; without one the policy says what Tencent is told.
func TestDecisions(t *testing.T) {
	for _, tc := range backendCases(t) {
		t.Run(tc.name, func(t *testing.T) {
			timeout := ""
			if tc.status == 504 {
				timeout = "timeout 300ms"
			}
			e := caddytest.StartEdge(t, "tim_callback /im/callback 1400000000 xxxxyyyy {\ncommands all\n"+timeout+"\n"+
				"undecided forbid Group.* Chatbot.*\nundecided allow Sns.*\n"+caddytest.QueueBlock(t.TempDir(), "127.0.0.1:1", "")+"\n}\n"+
				"reverse_proxy "+tc.start(t)+" {\ntransport http {\nkeepalive off\n}\n}")
			for _, ask := range []struct{ command, body, undecided string }{
				{"C2C.CallbackBeforeSendMsg", aMessage, ""},
				{"Group.CallbackBeforeSendMsg", aGroupMessage, `{"ActionStatus":"OK","ErrorCode":1,"ErrorInfo":""}`},
				{"Sns.CallbackPrevFriendAdd", aFriendRequest, `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ResultItem":[` +
					`{"To_Account":"b","ResultCode":0,"ResultInfo":""},{"To_Account":"c","ResultCode":0,"ResultInfo":""}]}`},
				{"Chatbot.OnC2CSignalMessage", aSignal, ""}, // has no neutral answer
			} {
				status, answer := decision(t, e, ask.command, ask.body)
				wantStatus, wantAnswer := 200, tc.answer
				if tc.answer == "" {
					wantAnswer = ask.undecided
				}
				if wantAnswer == "" {
					wantStatus, wantAnswer = 502, string(replyBackendFailed.body)
					if tc.status == 504 {
						wantStatus, wantAnswer = 504, string(replyBackendLate.body)
					}
				}
				if status != wantStatus || answer != wantAnswer {
					t.Errorf("%s: answered %d %s, want %d %s", ask.command, status, answer, wantStatus, wantAnswer)
				}
			}
			if tc.answer == "" {
				e.Logged("callback undecided", `"level":"warn"`, "Group.CallbackBeforeSendMsg", `"policy":"forbid"`)
				e.Logged("callback undecided", "Chatbot.OnC2CSignalMessage", `"policy":"error"`)
			} else {
				e.Logged("callback decided", `"level":"debug"`)
			}
			e.LoggedNoSecrets()
			if q := queued(t); q.Waiting+q.InFlight+q.Dead != 0 {
				t.Errorf("a decision is in the queue: %+v", q)
			}
		})
	}
}

// TestDecisionPassesAllMembers: the backend's answer is passed on with everything in it.
func TestDecisionPassesAllMembers(t *testing.T) {
	const answer = "{ \"ActionStatus\":\"OK\", \"ErrorCode\":120001,\"ErrorInfo\":\"\\u4e0d\",\n\"MsgBody\":[{\"MsgType\":\"TIMTextElem\",\"MsgContent\":{\"Text\":\"changed\"}}],\"CloudCustomData\":\"x\",\"RspData\":1e400}"
	backend := caddytest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.Header.Get("Ce-Type") != "com.tencent.im.C2C.CallbackBeforeSendMsg" || r.Header.Get("Ce-Subject") != "a" || r.Header.Get("Ce-Partitionkey") != "1400000000:conversation/a/b" ||
			!strings.Contains(string(body), `"data":`+aMessage) {
			t.Errorf("the backend got %v %s", r.Header, body)
		}
		w.Header().Set("X-Backend", "1")
		_, _ = io.WriteString(w, answer)
	})
	e := caddytest.StartEdge(t, "tim_callback 1400000000 xxxxyyyy {\ncommands C2C.*\nundecided forbid\n}\nreverse_proxy "+backend)
	if status, got := decision(t, e, "C2C.CallbackBeforeSendMsg", aMessage); status != 200 || got != answer {
		t.Errorf("answered %d %s", status, got)
	}
	if status, got := decision(t, e, "Group.CallbackBeforeSendMsg", aGroupMessage); status != 403 {
		t.Errorf("a command that is not taken: %d %s", status, got)
	}
}

// TestUndecidedIsCounted: also where Tencent is told OK.
func TestUndecidedIsCounted(t *testing.T) {
	for status, want := range map[int]recent.Result{http.StatusNotFound: recent.UpstreamError, http.StatusNoContent: recent.UpstreamError} {
		h, _ := provisioned(t, func(h *Handler) {
			h.Commands = []string{"all"}
			h.Undecided = []Undecided{{Policy: "allow"}}
		})
		got := counted(t, func() {
			w, a := serve(t, h, tlsRequest("POST", caddytest.SignedQuery("CallbackCommand", "C2C.CallbackBeforeSendMsg"), aMessage), func(w http.ResponseWriter, _ *http.Request) error {
				w.WriteHeader(status)
				return nil
			})
			if w.Code != 200 || a != callback.OK() {
				t.Errorf("%d %+v", w.Code, a)
			}
		})
		if got != want {
			t.Errorf("%d is counted as %s", status, got)
		}
	}
}

// TestDecisionWithoutAHandler panics, or has nobody to ask.
func TestDecisionWithoutAHandler(t *testing.T) {
	h, logs := provisioned(t, func(h *Handler) { h.Commands = []string{"all"} })
	told := 0
	for name, next := range map[string]func(http.ResponseWriter, *http.Request) error{
		"nobody": func(http.ResponseWriter, *http.Request) error { return nil },
		"error":  func(http.ResponseWriter, *http.Request) error { return fmt.Errorf("no") },
		"panic":  func(http.ResponseWriter, *http.Request) error { panic("a bug") },
		"abort":  func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) },
	} {
		w, a := serve(t, h, tlsRequest("POST", caddytest.SignedQuery("CallbackCommand", "C2C.CallbackBeforeSendMsg"), aMessage), next)
		if w.Code != 502 || a.ActionStatus != callback.StatusFail {
			t.Errorf("%s: %d %+v", name, w.Code, a)
		}
		lines := logs.FilterMessage("callback undecided").All()
		told++
		if len(lines) != told || lines[told-1].ContextMap()["policy"] != "error" {
			t.Fatalf("%s: logged %v", name, lines)
		}
		line := lines[told-1]
		stack, _ := line.ContextMap()["panic_stack"].(string)
		if bug := name == "panic"; bug != strings.Contains(stack, "TestDecisionWithoutAHandler") || bug != (line.Level == zapcore.ErrorLevel) {
			t.Errorf("%s: logged at %s with the stack %q", name, line.Level, stack)
		}
	}
	noSecrets(t, logs, "secret text")
}
