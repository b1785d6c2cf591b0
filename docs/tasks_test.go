package docs

import (
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// sendCommand sends a callback of any command, and returns the status and the body of the answer.
func (s *sandbox) sendCommand(command, body string) (status int, answer string) {
	s.t.Helper()
	r, err := callback.NewRequest(s.t.Context(), "https://"+s.site+"/im/callback", callback.Request{
		SDKAppID: "1400000000", Command: command, Token: "xxxxyyyy", Body: []byte(body),
	})
	if err != nil {
		s.t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: s.trusting(), DisableKeepAlives: true}}
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// blockOf returns the nth block of a language on a page.
func blockOf(t *testing.T, page, lang string, n int) string {
	t.Helper()
	for _, b := range parsePage(t, page) {
		if b.lang != lang {
			continue
		}
		if n--; n == 0 {
			return b.text
		}
	}
	t.Fatalf("%s has too few blocks of %s", page, lang)
	return ""
}

// TestDecisionBackend runs the backend of decisions.md behind its configuration.
func TestDecisionBackend(t *testing.T) {
	const (
		ok        = `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}`
		forbidden = `{"ActionStatus":"OK","ErrorCode":1,"ErrorInfo":""}`
	)
	s := newSandbox(t)
	address := caddytest.FreeLocalhost()
	stop := s.startProgram(strings.ReplaceAll(blockOf(t, "decisions.md", "go", 1), ":8080", address), address)
	s.step(block{text: strings.ReplaceAll(blockOf(t, "decisions.md", "caddyfile", 1), "app1:8080", address)}, "start")

	text := func(words string) string {
		return `{"From_Account":"a","To_Account":"b","MsgBody":[{"MsgType":"TIMCustomElem","MsgContent":{"Data":"x"}},{"MsgType":"TIMTextElem","MsgContent":{"Text":"` + words + `"}}]}`
	}
	for _, tc := range []struct{ command, body, want string }{
		{"C2C.CallbackBeforeSendMsg", text("hello"), ok},
		{"C2C.CallbackBeforeSendMsg", text("a forbidden word"), forbidden},
		{"Group.CallbackBeforeSendMsg", text("a forbidden word"), ok},
		{"C2C.CallbackBeforeSendMsg", `{"MsgBody":"not a list"}`, ok}, // it is undecided
	} {
		if status, answer := s.sendCommand(tc.command, tc.body); status != http.StatusOK || answer != tc.want {
			t.Errorf("%s with %s: got %d, %s", tc.command, tc.body, status, answer)
		}
	}
	stop()
	if status, answer := s.sendCommand("C2C.CallbackBeforeSendMsg", text("a forbidden word")); status != http.StatusOK || answer != ok {
		t.Errorf("without the backend: got %d, %s", status, answer)
	}
	if log := read(t, filepath.Join(s.dir, "stderr")); strings.Count(log, `"msg":"callback undecided"`) != 2 {
		t.Errorf("undecided callbacks are not in the log:\n%s", log)
	}
}

// startProgram builds a program and starts it. It listens at the address.
func (s *sandbox) startProgram(text, address string) (stop func()) {
	s.t.Helper()
	source, binary := filepath.Join(s.t.TempDir(), "main.go"), filepath.Join(s.t.TempDir(), "program")
	if err := os.WriteFile(source, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
	if output, err := exec.CommandContext(s.t.Context(), "go", "build", "-o", binary, source).CombinedOutput(); err != nil {
		s.t.Fatalf("%v: %s", err, output)
	}
	cmd := exec.CommandContext(s.t.Context(), binary)
	if err := cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	stop = func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	s.t.Cleanup(stop)
	caddytest.Eventually(s.t, func() bool { return caddytest.Accepts(address) }, "the program listens")
	return stop
}

// TestSeveralBackends runs commands.Caddyfile, and looks at which backend gets what.
func TestSeveralBackends(t *testing.T) {
	s := newSandbox(t)
	backends := map[string]*caddytest.Backend{"app": s.backend}
	for name, variable := range map[string]string{"messages": "TIM_MESSAGES", "groups": "TIM_GROUPS", "moderation": "TIM_MODERATION"} {
		backends[name] = caddytest.StartBackend(t)
		s.env = append(s.env, variable+"="+backends[name].Address)
	}
	s.step(block{text: read(t, "../caddyfile/commands.Caddyfile")}, "start")
	for command, want := range map[string]string{
		"C2C.CallbackAfterSendMsg":         "messages",
		"C2C.CallbackAfterMsgWithDraw":     "messages",
		"Bot.OnC2CMessage":                 "messages",
		"Group.CallbackAfterSendMsg":       "messages",
		"Group.CallbackAfterRecallMsg":     "messages",
		"Group.CallbackAfterNewMemberJoin": "groups",
		"Group.CallbackAfterCreateGroup":   "groups",
		"State.StateChange":                "app",
		"New.CallbackAfterSomething":       "app",
		"C2C.CallbackBeforeSendMsg":        "moderation",
		"Group.CallbackBeforeSendMsg":      "moderation",
		"Live.CallbackBeforeSendGift":      "app",
		"New.Something":                    "app",
	} {
		s.sendCommand(command, `{"EventTime":1,"From_Account":"a","To_Account":"b","GroupId":"g"}`)
		caddytest.Eventually(t, func() bool { return len(gotCommand(backends[want], command)) == 1 }, "%s gets %s", want, command)
		for name, backend := range backends {
			if name != want && len(gotCommand(backend, command)) > 0 {
				t.Errorf("%s gets %s", name, command)
			}
		}
	}
}

// TestQueueForEachBackend runs the second configuration of several-backends.md.
func TestQueueForEachBackend(t *testing.T) {
	s := newSandbox(t)
	messages := caddytest.StartBackend(t)
	s.step(block{text: strings.ReplaceAll(blockOf(t, "several-backends.md", "caddyfile", 2), "messages:8080", messages.Address)}, "start")
	for command, want := range map[string]*caddytest.Backend{
		"C2C.CallbackAfterSendMsg":   messages,
		"Group.CallbackAfterSendMsg": messages,
		"C2C.CallbackBeforeSendMsg":  s.backend,
		"State.StateChange":          s.backend,
	} {
		if status, answer := s.sendCommand(command, `{"EventTime":1}`); status != http.StatusOK {
			t.Errorf("%s is answered %d, %s", command, status, answer)
		}
		caddytest.Eventually(t, func() bool { return len(gotCommand(want, command)) == 1 }, "the backend gets %s", command)
	}
}

// gotCommand returns the requests for a command that a backend got.
func gotCommand(b *caddytest.Backend, command string) []*http.Request {
	requests, _ := b.Got()
	return slices.DeleteFunc(slices.Clone(requests), func(r *http.Request) bool { return r.Header.Get("Ce-Type") != "com.tencent.im."+command })
}

// TestBudgetOfOneBackend has the moderation hang, and wants the decision before the
// budget of the whole request is over.
func TestBudgetOfOneBackend(t *testing.T) {
	s := newSandbox(t)
	hang := make(chan struct{})
	s.env = append(s.env, "TIM_MODERATION="+caddytest.Serve(t, func(http.ResponseWriter, *http.Request) { <-hang }))
	t.Cleanup(func() { close(hang) })
	s.step(block{text: read(t, "../caddyfile/commands.Caddyfile")}, "start")
	if status, answer := s.sendCommand("Group.CallbackBeforeSendMsg", `{"GroupId":"g"}`); status != http.StatusOK || !strings.Contains(answer, `"OK","ErrorCode":0`) {
		t.Errorf("got %d, %s", status, answer)
	}
	if log := read(t, filepath.Join(s.dir, "stderr")); !strings.Contains(log, `timeout awaiting response headers`) {
		t.Errorf("it was not the budget of reverse_proxy that was over:\n%s", log)
	}
}

// TestArchive runs archive.Caddyfile: news goes to the archive, and decisions to the app.
func TestArchive(t *testing.T) {
	s := newSandbox(t)
	archive := caddytest.StartBackend(t)
	s.env = append(s.env, "TIM_ARCHIVE="+archive.Address)
	s.step(block{text: read(t, "../caddyfile/archive.Caddyfile")}, "start")
	want := 0
	for _, c := range callback.Commands() {
		status, answer := s.sendCommand(c.Name, `{"EventTime":1,"From_Account":"a","To_Account":"b","ProfileItem":[],"FriendItem":[{"To_Account":"b"}],"ResponseFriendItem":[{"To_Account":"b"}]}`)
		if c.Kind == callback.News {
			want++
		} else if got := len(gotCommand(s.backend, c.Name)); got != 1 {
			t.Errorf("the app got %d of %s", got, c.Name)
		}
		if wanted := http.StatusOK; status != wanted && !c.NoNeutral || status == http.StatusOK && !strings.Contains(answer, `"OK","ErrorCode":0`) {
			t.Errorf("%s is answered %d, %s", c.Name, status, answer)
		}
	}
	caddytest.Eventually(t, func() bool {
		requests, _ := archive.Got()
		return len(requests) == want
	}, "the archive gets all news")
	if log := read(t, filepath.Join(s.dir, "stderr")); strings.Contains(log, "no handler comes after") {
		t.Errorf("there is a warning:\n%s", log)
	}
}
