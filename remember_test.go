package timcallback

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

// newest returns the callback that was answered last.
func newest(t *testing.T) recent.Entry {
	t.Helper()
	found := recent.Process.Before(0, new(recent.Filter), 1)
	if len(found) != 1 {
		t.Fatal("nothing is remembered")
	}
	return found[0]
}

// TestRemembered has an answer of each kind.
func TestRemembered(t *testing.T) {
	remembering(t)
	const decision = "C2C.CallbackBeforeSendMsg"
	sampleID := callback.EventID(sample.SDKAppID, "Profile.CallbackPortraitSet", "", sample.Body)
	message := `{"CallbackCommand":"` + decision + `","From_Account":"a","To_Account":"b","MsgKey":"1"}`
	writing := func(status int, body string) caddyhttp.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) error {
			w.WriteHeader(status)
			_, err := io.WriteString(w, body)
			return err
		}
	}
	breaking := func(w http.ResponseWriter, _ *http.Request) error {
		w.WriteHeader(http.StatusCreated)
		panic(http.ErrAbortHandler)
	}
	for _, tc := range []struct {
		name      string
		configure func(*Handler)
		query     string
		body      string
		next      caddyhttp.HandlerFunc
		want      string
	}{
		{"acknowledged", func(h *Handler) { h.Answer = AnswerAck }, caddytest.SignedQuery(), sample.Body, nil, "ok 200 Profile.CallbackPortraitSet id1 " + sampleID},
		{"forwarded", nil, caddytest.SignedQuery(), sample.Body, writing(204, ""), "ok 200 Profile.CallbackPortraitSet id1 " + sampleID},
		{"not forwarded", nil, caddytest.SignedQuery(), sample.Body, writing(500, ""), "upstream_error 502 Profile.CallbackPortraitSet id1 " + sampleID},
		{"decided", all, caddytest.SignedQuery("CallbackCommand", decision), message, writing(200, string(callback.OK().JSON())), "ok 200 " + decision + " a ID"},
		{"undecided", all, caddytest.SignedQuery("CallbackCommand", decision), message, writing(500, ""), "upstream_error 502 " + decision + " a ID undecided"},
		{"undecided and allowed", func(h *Handler) {
			all(h)
			h.Undecided = []Undecided{{Policy: "allow"}}
		}, caddytest.SignedQuery("CallbackCommand", decision), message, writing(500, ""), "upstream_error 200 " + decision + " a ID undecided"},
		{"passed", passing, caddytest.SignedQuery("CallbackCommand", decision), message, writing(404, "x"), "passed 404 " + decision + "  "},
		{"passed without a status", passing, caddytest.SignedQuery("CallbackCommand", decision), message, func(w http.ResponseWriter, _ *http.Request) error {
			_, err := io.WriteString(w, "x")
			return err
		}, "passed 200 " + decision + "  "},
		{"passed, broken off", passing, caddytest.SignedQuery("CallbackCommand", decision), message, breaking, "upstream_error 201 " + decision + "  "},
		{"refused", nil, caddytest.SignedQuery("Sign", "x"), sample.Body, nil, "bad_sign 401 Profile.CallbackPortraitSet  "},
		{"another command", nil, caddytest.SignedQuery("CallbackCommand", decision), message, nil, "command 403 " + decision + "  "},
		{"bad body", nil, caddytest.SignedQuery(), "{", nil, "bad_body 400 Profile.CallbackPortraitSet   (not valid JSON at byte 1)"},
		{"no query", nil, "", "", nil, "bad_query 400    (SdkAppid is missing)"},
		{
			"a stranger's text", nil, "SdkAppid=" + strings.Repeat("1", 1000) + "&CallbackCommand=" + strings.Repeat("x", 1000), "", nil,
			"unknown_app 403 " + strings.Repeat("x", 125) + "…  ",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			h, _ := provisioned(t, tc.configure)
			r := tlsRequest("POST", tc.query, tc.body)
			caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, "192.0.2.7")
			func() {
				defer func() {
					if p := recover(); p != nil && p != http.ErrAbortHandler {
						t.Error(p)
					}
				}()
				_ = h.ServeHTTP(httptest.NewRecorder(), r, tc.next)
			}()
			e := newest(t)
			id := e.EventID
			if id != sampleID && len(id) == 32 {
				id = "ID"
			}
			got := fmt.Sprintf("%s %d %s %s %s", e.Result, e.Status, e.Command, e.Subject, id)
			if e.Undecided {
				got += " undecided"
			}
			if e.Detail != "" {
				got += " (" + e.Detail + ")"
			}
			if got != tc.want {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if e.ClientIP != "192.0.2.7" || e.Took <= 0 || e.Began.IsZero() || e.Queue != "" || e.Delivery != nil || len(e.App) > 24 {
				t.Errorf("%+v", e)
			}
		})
	}
}

func all(h *Handler)     { h.Commands = []string{callback.PatternAll} }
func passing(h *Handler) { h.OtherCommands = OtherPass }

// TestRememberedWithAQueue follows an event, its duplicate, and one that cannot be stored.
func TestRememberedWithAQueue(t *testing.T) {
	backend := caddytest.StartBackend(t)
	backend.Answer(http.StatusServiceUnavailable)
	e := caddytest.StartEdge(t, "tim_callback 1400000000 xxxxyyyy {\n"+caddytest.QueueBlock(t.TempDir(), backend.Address, "max_events 1")+"\n}")
	before, sent := recent.Process.Last(), uint64(0)
	send := func(status int, body string) recent.Entry {
		t.Helper()
		if got, _, err := e.Send(e.Client, caddytest.SignedQuery(), body); got != status {
			t.Fatalf("%d %v", got, err)
		}
		sent++ // it is remembered once the answer has been written
		caddytest.Eventually(t, func() bool { return recent.Process.Last() == before+sent }, "the callback is remembered")
		return newest(t)
	}
	first := send(200, sample.Body)
	state := func() recent.Delivery {
		for _, e := range recent.Process.Before(0, &recent.Filter{ID: first.EventID}, 10) {
			if e.Seq == first.Seq && e.Delivery != nil {
				return *e.Delivery
			}
		}
		return recent.Delivery{}
	}
	if first.Queue != "default" || !first.Stored || first.Duplicate || first.ClientIP != "127.0.0.1" || first.Delivery == nil {
		t.Errorf("%+v", first)
	}
	caddytest.Eventually(t, func() bool { return state().Attempts > 1 }, "attempts are noted")
	if d := state(); d.State != recent.Retried || d.LastError != "503 Service Unavailable" || d.Last.IsZero() || d.Next.Before(d.Last) {
		t.Errorf("%+v", d)
	}
	if full := send(503, caddytest.BodyOf("b", 1)); full.Result != recent.QueueError || full.Queue != "default" || full.Delivery != nil || full.Stored {
		t.Errorf("%+v", full)
	}
	if again := send(200, sample.Body); !again.Duplicate || again.Stored || again.Delivery == nil || again.EventID != first.EventID {
		t.Errorf("%+v", again)
	}
	backend.Answer(http.StatusOK)
	caddytest.Eventually(t, func() bool { return state().State == recent.Delivered }, "the delivery is noted")
}

// TestRememberedOff has callbacks while none are remembered.
func TestRememberedOff(t *testing.T) {
	recent.Process.Resize(0)
	before := recent.Process.Last()
	h, _ := provisioned(t, func(h *Handler) { h.Answer = AnswerAck })
	serve(t, h, tlsRequest("POST", caddytest.SignedQuery(), sample.Body), nil)
	if recent.Process.Last() != before {
		t.Error("it is remembered")
	}
}
