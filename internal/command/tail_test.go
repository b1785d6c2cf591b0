package command_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// tailed is a Caddy that acknowledges callbacks.
type tailed struct {
	t           *testing.T
	admin, site string
	process     *caddytest.Process
	sent        int
}

func startTailed(t *testing.T) *tailed {
	t.Helper()
	c := &tailed{t: t, admin: caddytest.FreeAddress(), site: caddytest.FreeAddress()}
	c.start()
	return c
}

func (c *tailed) config() string {
	return fmt.Sprintf("{\n\tadmin %s\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n}\nhttp://%s {\n\ttim_callback 1400000000 xxxxyyyy {\n\t\tallow_http\n\t\tanswer ack\n\t}\n}\n", c.admin, c.site)
}

func (c *tailed) start() {
	c.t.Helper()
	c.process = caddytest.StartProcess(c.t, c.t.TempDir(), c.config())
	caddytest.Eventually(c.t, func() bool { return caddytest.Accepts(c.admin) && caddytest.Accepts(c.site) }, "Caddy answers")
}

func (c *tailed) reload() {
	c.t.Helper()
	req, err := http.NewRequest("POST", "http://"+c.admin+"/load", strings.NewReader(c.config()))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "text/caddyfile")
	req.Header.Set("Cache-Control", "must-revalidate") // although nothing has changed
	resp, err := http.DefaultClient.Do(req)
	if err != nil || resp.StatusCode != 200 {
		c.t.Fatalf("%v, %v", resp, err)
	}
	resp.Body.Close()
}

// send sends a callback about a user, which is refused if the token is wrong.
func (c *tailed) send(user, token string) {
	c.t.Helper()
	c.sent++
	body := fmt.Sprintf(`{"CallbackCommand":%q,"From_Account":%q,"EventTime":%d,"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"a <secret> nick"}]}`, profile.Command, user, 1656921052497+c.sent)
	r, err := callback.NewRequest(c.t.Context(), "http://"+c.site, callback.Request{SDKAppID: "1400000000", Command: profile.Command, Token: token, Body: []byte(body)})
	if err != nil {
		c.t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	resp, err := client.Do(r)
	for tries := 0; tries < 5 && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET)); tries++ {
		// a listener that was just closed has broken the connection before anything was read from it
		if r.Body, err = r.GetBody(); err == nil {
			resp, err = client.Do(r)
		}
	}
	if err != nil {
		c.t.Fatal(err)
	}
	resp.Body.Close()
}

// output is what a command has written until now.
type output struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(b)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// tailing is a tail command that runs.
type tailing struct {
	cmd      *exec.Cmd
	out, err output
}

func (c *tailed) tail(args ...string) *tailing {
	c.t.Helper()
	r := &tailing{cmd: caddytest.Command(c.t, c.t.TempDir(), append([]string{"tim-callback", "tail", "--address", c.admin}, args...)...)}
	r.cmd.Stdout, r.cmd.Stderr = &r.out, &r.err
	if err := r.cmd.Start(); err != nil {
		c.t.Fatal(err)
	}
	return r
}

// subjects are those of the callbacks it has printed as JSON.
func (r *tailing) subjects() (all []string) {
	for lines := bufio.NewScanner(strings.NewReader(r.out.String())); lines.Scan(); {
		var c adminapi.Callback
		if json.Unmarshal(lines.Bytes(), &c) == nil {
			all = append(all, c.Subject)
		}
	}
	return all
}

func (r *tailing) waitFor(t *testing.T, subjects string) {
	t.Helper()
	caddytest.Eventually(t, func() bool { return strings.Join(r.subjects(), " ") == subjects }, "it prints %s, not %s %s", subjects, &r.out, &r.err)
}

func (r *tailing) interrupt(t *testing.T) {
	t.Helper()
	_ = r.cmd.Process.Signal(os.Interrupt)
	if err := r.cmd.Wait(); err != nil {
		t.Errorf("interrupted: %v, %s", err, &r.err)
	}
}

// TestTail follows callbacks through a reload and a restart.
func TestTail(t *testing.T) {
	c := startTailed(t)
	c.send("early", "xxxxyyyy")
	follows, filtered := c.tail("--since", "1h", "--json"), c.tail("--result", "bad_sign", "--json", "--since", "1h")
	follows.waitFor(t, "early")
	c.send("a", "xxxxyyyy")
	follows.waitFor(t, "early a")
	for n := range 3 {
		c.reload()
		c.send(fmt.Sprint("r", n), "xxxxyyyy")
	}
	follows.waitFor(t, "early a r0 r1 r2")
	c.send("forged", "wrong")
	follows.waitFor(t, "early a r0 r1 r2 ")
	filtered.waitFor(t, "")
	if errs := follows.err.String(); errs != "" {
		t.Errorf("about reloads it says %s", errs)
	}

	c.process.Stop()
	caddytest.Eventually(t, func() bool {
		return strings.Contains(follows.err.String(), "the connection to Caddy has ended, trying to connect again: no answer from Caddy's admin endpoint at "+c.admin)
	}, "it says that Caddy is not there")
	c.start()
	c.send("restarted", "xxxxyyyy")
	follows.waitFor(t, "early a r0 r1 r2  restarted")
	caddytest.Eventually(t, func() bool { return strings.HasSuffix(follows.err.String(), "connected again\nCaddy was restarted\n") }, "it says that Caddy was restarted")
	follows.interrupt(t)
	filtered.interrupt(t)
	if all := follows.out.String(); strings.Contains(all, "secret") || strings.Contains(all, "Sign") {
		t.Errorf("it prints a secret: %s", all)
	}
}

// TestTailOnce prints what is remembered.
func TestTailOnce(t *testing.T) {
	c := startTailed(t)
	run := func(args ...string) caddytest.Result {
		t.Helper()
		return caddytest.Run(t, append([]string{"tim-callback", "tail", "--address", c.admin, "--no-follow"}, args...)...)
	}
	if r := run(); r.Code != 0 || r.Stdout != "" || r.Stderr != "no such callback is remembered\n" {
		t.Errorf("%+v", r)
	}
	c.send("张三\u202e", "xxxxyyyy")
	c.send("b", "wrong")
	r := run()
	lines := strings.Split(r.Stdout, "\n")
	if r.Code != 0 || len(lines) != 3 || !strings.Contains(lines[0], "  ok          Profile.CallbackPortraitSet  张三�  ") ||
		!strings.Contains(lines[1], "  bad_sign    Profile.CallbackPortraitSet  -             -         401  ") || !strings.HasSuffix(lines[1], "  from 127.0.0.1") {
		t.Errorf("%+v", r)
	}
	if r := run("--command", "Group.*", "--json"); r.Code != 0 || r.Stdout != "" || r.Stderr != "" {
		t.Errorf("%+v", r)
	}
	if r := run("--result", "bad_sign,stale", "--json"); r.Code != 0 || strings.Count(r.Stdout, "\n") != 1 || !strings.Contains(r.Stdout, `"result":"bad_sign"`) {
		t.Errorf("%+v", r)
	}
}

func TestTailErrors(t *testing.T) {
	nobody := caddytest.FreeAddress()
	for _, tc := range []struct {
		args []string
		want string
	}{
		{nil, "no answer from Caddy's admin endpoint at " + nobody + " (is Caddy running there?"},
		{[]string{"--no-follow"}, "no answer from Caddy's admin endpoint at " + nobody},
		{[]string{"--result", "good"}, `--result: "good" is not one of ok, passed, upstream_error,`},
		{[]string{"--command", "Group"}, "--command: a command is a name such as"},
		{[]string{"--subject", ""}, "--subject is empty"},
		{[]string{"--since", "yesterday"}, `--since "yesterday": it is neither a time such as`},
		{[]string{"now"}, `unknown command "now" for "caddy tim-callback tail"`},
	} {
		began := time.Now()
		r := caddytest.Run(t, append([]string{"tim-callback", "tail", "--address", nobody}, tc.args...)...)
		if r.Code != 1 || !strings.Contains(r.Stderr, tc.want) || r.Stdout != "" || time.Since(began) > 30*time.Second {
			t.Errorf("%v: %+v, want %s", tc.args, r, tc.want)
		}
	}
	c := startTailed(t)
	if r := caddytest.Run(t, "tim-callback", "tail", "--address", c.admin, "--id", "x"); r.Code != 1 || !strings.Contains(r.Stderr, `id: "x" is neither the ID of an event`) {
		t.Errorf("%+v", r)
	}
}
