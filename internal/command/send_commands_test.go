package command_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

// backend is an endpoint that answers every callback, and keeps what it has received.
type backend struct {
	mu     sync.Mutex
	bodies map[string][]map[string]any // by command
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q, err := callback.ParseQuery(r.URL.RawQuery)
	body, _ := io.ReadAll(r.Body)
	var members map[string]any
	scan, scanErr := callback.ScanBody(q, body)
	if err != nil || scanErr != nil || json.Unmarshal(body, &members) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	b.mu.Lock()
	b.bodies[q.Command] = append(b.bodies[q.Command], members)
	b.mu.Unlock()
	c, _ := callback.Lookup(q.Command)
	answer, ok := callback.Neutral(callback.PolicyForbid, c, scan)
	if !ok {
		answer = callback.OK().JSON()
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(answer)
}

// received returns the bodies of a command until now.
func (b *backend) received(command string) []map[string]any {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.bodies[command])
}

// forget forgets all bodies.
func (b *backend) forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	clear(b.bodies)
}

func TestSendSamples(t *testing.T) {
	b := &backend{bodies: make(map[string][]map[string]any)}
	server := endpoint(t, false, b.ServeHTTP)

	t.Run("one command", func(t *testing.T) {
		r := send(t, server.URL, "--insecure", "--command", "C2C.CallbackAfterSendMsg", "--from", "昵 1", "--event-time", "1656921052497")
		got := b.received("C2C.CallbackAfterSendMsg")
		if r.Code != 0 || len(got) != 1 || got[0]["From_Account"] != "昵 1" || got[0]["To_Account"] != "id2" || got[0]["EventTime"] != 1656921052497.0 ||
			got[0]["MsgTime"] != 1656921052.0 || !strings.Contains(r.Stdout, "\n  &CallbackCommand=C2C.CallbackAfterSendMsg\n") {
			t.Errorf("got %+v, the endpoint got %v", r, got)
		}
	})
	b.forget()
	t.Run("several events", func(t *testing.T) {
		report, code := sent(t, server.URL, "--insecure", "--command", "Group.CallbackAfterSendMsg", "--count", "20", "--concurrency", "4")
		got := b.received("Group.CallbackAfterSendMsg")
		events := make(map[string]bool)
		for _, body := range got {
			events[fmt.Sprint(body["EventTime"], body["MsgSeq"], body["Random"])] = true
		}
		if code != 0 || len(got) != 20 || len(events) != 20 || report.Commands != nil {
			t.Errorf("%d different of %d events, %+v", len(events), len(got), report)
		}
	})
	b.forget()
	t.Run("all", func(t *testing.T) {
		report, code := sent(t, server.URL, "--insecure", "--command", "all", "--from", "u1", "--count", "2")
		commands := tencent.SampleCommands()
		if code != 0 || report.Sent != 2*len(commands) || !report.AllTaken || len(report.Commands) != len(commands) {
			t.Errorf("got %+v, exit code %d", report, code)
		}
		for _, command := range commands {
			if n, c := len(b.received(command)), report.Commands[command]; n != 2 || c == nil || c.Sent != 2 || c.Taken != 2 {
				t.Errorf("%s: %d callbacks, %+v", command, n, c)
			}
		}
	})
}

// This module accepts all samples, and its answer to a decision that it cannot get is valid.
func TestSendSamplesToThisModule(t *testing.T) {
	s := newCheckedSite(t, "", `tim_callback /im/callback 1400000000 `+sendToken+` {
		commands all
		answer ack
		undecided allow
	}
	respond 500`)
	report, code := sent(t, s.url, "--insecure", "--command", "all")
	if code != 0 || !report.AllTaken || report.Sent != 18 {
		t.Errorf("got %+v, exit code %d", report, code)
	}
}

// An answer that says OK is not enough for a decision about friends.
func TestSendJudgesDecisions(t *testing.T) {
	server := endpoint(t, false, takes)
	report, code := sent(t, server.URL, "--insecure", "--command", "all")
	friend := report.Commands["Sns.CallbackPrevFriendAdd"]
	if failures := report.Failures[tencent.FailDecision]; code != 1 || failures == nil || failures.Count != 2 ||
		friend == nil || friend.Taken != 0 || !strings.HasPrefix(friend.Example, "ResultItem is missing") {
		t.Errorf("got %+v, exit code %d", report, code)
	}
	r := send(t, server.URL, "--insecure", "--command", "Sns.CallbackPrevFriendResponse")
	if text := strings.Join(strings.Fields(r.Stdout), " "); r.Code != 1 ||
		!strings.Contains(text, "Tencent would not accept this answer: ResultItem is missing, which the answer to Sns.CallbackPrevFriendResponse needs for each To_Account (decision)") {
		t.Errorf("got %+v", r)
	}
	r = send(t, server.URL, "--insecure", "--command", "all")
	if text := strings.Join(strings.Fields(r.Stdout), " "); !strings.Contains(text, "sent 18 ") || !strings.Contains(text, "accepted 16 of 18 ") ||
		!strings.Contains(text, " Sns.CallbackPrevFriendAdd: 1 of 1 not accepted: ResultItem is missing") || strings.Contains(text, "State.StateChange") {
		t.Errorf("got %+v", r)
	}
	server = endpoint(t, false, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"ActionStatus":"OK","ErrorCode":3,"ErrorInfo":""}`)
	})
	if report, code := sent(t, server.URL, "--insecure", "--command", "Group.CallbackBeforeSendMsg"); code != 1 || report.Callback.Failure != tencent.FailDecision {
		t.Errorf("got %+v", report)
	}
	if report, code := sent(t, server.URL, "--insecure", "--command", "Group.CallbackAfterSendMsg"); code != 0 {
		t.Errorf("for news the ErrorCode does not matter, but got %+v", report)
	}
}
