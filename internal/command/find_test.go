package command_test

import (
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/advice"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/finder"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// office is a Caddy to which everything happens that an operator may have to find.
type office struct {
	t                   *testing.T
	admin, site, secure string
	client              adminapi.Client
	http                *http.Client
}

func openOffice(t *testing.T) *office {
	t.Helper()
	ca := caddytest.NewAuthority(t)
	cert, key := ca.ServerFiles(t)
	o := &office{t: t, admin: caddytest.FreeAddress(), site: caddytest.FreeAddress(), secure: caddytest.FreeLocalhost()}
	o.client = adminapi.Client{Address: o.admin}
	o.http = &http.Client{Transport: &http.Transport{DisableKeepAlives: true, TLSClientConfig: &tls.Config{RootCAs: ca.Pool()}}}

	held := make(chan struct{})
	backend := caddytest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		user := r.Header.Get("Ce-Subject")
		switch {
		case strings.HasPrefix(user, "refused-"):
			http.Error(w, "no such user", http.StatusBadRequest)
		case strings.HasPrefix(user, "held-"):
			<-held
		}
	})
	t.Cleanup(func() { close(held) }) // before the server is stopped
	dir := t.TempDir()
	queue := func(name, address, more string) string {
		return fmt.Sprintf("queue %s {\nstore file %s\ndeliver {\nreverse_proxy %s\n}\norder none\n%s\n}", name, filepath.Join(dir, name+".db"), address, more)
	}
	var sites strings.Builder
	for path, block := range map[string]string{
		"/kept":   "allow_http\n" + queue("kept", backend, "retry 1ms 2ms\nretain 1h"),
		"/gone":   "allow_http\n" + queue("gone", backend, "retry 1ms 2ms"),
		"/down":   "allow_http\n" + queue("down", caddytest.FreeAddress(), "retry 1h 2h"),
		"/strict": "",
		"/small":  "allow_http\nmax_body 1KiB",
		"/refuse": "allow_http\nother_commands reject",
		"/decide": "allow_http\ncommands all\nundecided allow\nanswer forward",
		"/pass":   "allow_http\nother_commands pass",
	} {
		fmt.Fprintf(&sites, "handle %s {\ntim_callback 1400000000 xxxxyyyy {\n%s\n}\n%s\n}\n", path, block, map[string]string{
			"/decide": "reverse_proxy " + caddytest.FreeAddress(), "/pass": `respond "{}"`, "/refuse": `respond "{}"`, "/strict": `respond "{}"`, "/small": `respond "{}"`,
		}[path])
	}
	caddytest.StartProcess(t, dir, fmt.Sprintf("{\nadmin %s\npersist_config off\nauto_https off\nlog {\nlevel ERROR\n}\nservers {\ntrusted_proxies static 127.0.0.1/32\n}\n}\nhttp://%s {\n%s}\n"+
		"https://%s {\ntls %s %s {\nclient_auth {\nmode verify_if_given\ntrust_pool file %s\n}\n}\ntim_callback 1400000000 xxxxyyyy {\nrequire_client_cert\nanswer ack\n}\n}\n",
		o.admin, o.site, sites.String(), o.secure, cert, key, ca.File(t)))
	caddytest.Eventually(t, func() bool {
		return caddytest.Accepts(o.admin) && caddytest.Accepts(o.site) && caddytest.Accepts(o.secure)
	}, "Caddy answers")
	return o
}

// send sends a callback about a user. change changes the request.
func (o *office) send(path, user string, change func(*http.Request)) {
	o.t.Helper()
	body := fmt.Sprintf(`{"CallbackCommand":%q,"From_Account":%q,"EventTime":1656921052497,"ProfileItem":[{"Tag":"Tag_Profile_IM_Nick","Value":"a <secret> nick"}]}`, profile.Command, user)
	o.sendBody("http://"+o.site+path, profile.Command, body, change)
}

func (o *office) sendBody(url, command, body string, change func(*http.Request)) {
	o.t.Helper()
	r, err := callback.NewRequest(o.t.Context(), url, callback.Request{SDKAppID: "1400000000", Command: command, Token: "xxxxyyyy", Body: []byte(body)})
	if err != nil {
		o.t.Fatal(err)
	}
	if change != nil {
		change(r)
	}
	resp, err := o.http.Do(r)
	if err != nil {
		o.t.Fatal(err)
	}
	resp.Body.Close()
}

// find runs the command.
func (o *office) find(args ...string) caddytest.Result {
	o.t.Helper()
	return caddytest.Run(o.t, append([]string{"tim-callback", "find", "--address", o.admin}, args...)...)
}

// query returns a change of the parameters of a request.
func query(pairs ...string) func(*http.Request) {
	return func(r *http.Request) {
		values := r.URL.Query()
		for n := 0; n < len(pairs); n += 2 {
			values.Set(pairs[n], pairs[n+1])
			if pairs[n+1] == "" {
				values.Del(pairs[n])
			}
		}
		r.URL.RawQuery = values.Encode()
	}
}

// TestFindFate plays the operator: whatever became of a callback, one command tells it.
func TestFindFate(t *testing.T) {
	o := openOffice(t)
	const id = `[0-9a-f]{32}`
	for _, tc := range []struct {
		name string
		do   func()
		wait string // the state that the story must have
		find string
		want []string // regular expressions
		code int
	}{
		{
			"waiting", func() { o.send("/down", "waiting-1", nil) }, "waiting", "waiting-1",
			[]string{`^waiting-1  Profile\.CallbackPortraitSet  ` + id + `  waiting\n`, `answered 200 in [\d.]+m?s: ok, stored in queue down, sent by 127\.0\.0\.1`, `attempt failed: dial tcp .*refused`, `\n  [^\n]+  next attempt\n  Failed attempts: 1, the last one with: .*refused\. The next one is in \d+m; it is tried again by itself\.\n`}, 0,
		},
		{"in flight", func() { o.send("/kept", "held-1", nil) }, "in_flight", "held-1", []string{id + `  in_flight\n`, `It is being delivered now\.`}, 0},
		{
			"dead", func() { o.send("/kept", "refused-1", nil) }, "dead", "refused-1",
			[]string{id + `  dead\n`, `attempt failed: 400 Bad Request`, `became a dead letter after \d+ attempts`, `The backend refused it: 400 Bad Request\. Fix the backend, then replay it\.`, `caddy tim-callback queue replay --queue kept ` + id + ` --address ` + o.admin + `\n`}, 0,
		},
		{
			"delivered", func() { o.send("/kept", "taken-1", nil) }, "delivered", "taken-1",
			[]string{id + `  delivered\n`, `attempt: delivered`, `was delivered`, `The backend has taken it\.`, `queue replay --queue kept ` + id}, 0,
		},
		{"delivered and gone", func() { o.send("/gone", "taken-2", nil) }, "delivered", "taken-2", []string{id + `  delivered\n`, `delivered after 1 attempt\n`, `The backend has taken it\. .*this ID`}, 0},
		{
			"duplicate", func() {
				o.send("/gone", "twice-1", nil)
				o.waitFor("twice-1", "delivered")
				o.send("/gone", "twice-1", nil)
			}, "delivered", "twice-1",
			[]string{id + `  delivered\n`, `stored in queue gone, sent`, `queue gone knew it already`}, 0,
		},
		{
			"undecided", func() {
				o.sendBody("http://"+o.site+"/decide", "C2C.CallbackBeforeSendMsg", `{"CallbackCommand":"C2C.CallbackBeforeSendMsg","From_Account":"asks-1","To_Account":"b","MsgSeq":1,"MsgRandom":2,"MsgTime":1557481126,"MsgKey":"1_2_3","MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"a <secret> word"}}]}`, nil)
			}, "undecided", "asks-1", []string{`undecided\n`, `answered 200 in .*: upstream_error, undecided`, `Tencent asked for a decision and nobody gave one in time`}, 0,
		},
		{"passed on", func() {
			o.sendBody("http://"+o.site+"/pass", "Group.CallbackAfterSendMsg", `{"CallbackCommand":"Group.CallbackAfterSendMsg"}`, nil)
		}, "", "passed-1", []string{`^Nothing is known about passed-1\.`, `\n  1 passed, the last one at [\d:.]+ by 127\.0\.0\.1, Group\.CallbackAfterSendMsg\n    commands does not take this command`}, 2},
		{"never", func() {}, "", "nobody", []string{`^Nothing is known about nobody\.\n.*Tencent has not sent it`, `This Caddy remembers callbacks since [\d:.]+\.\n`}, 2},

		{"plain_http", func() { o.send("/strict", "r", nil) }, "", "r", []string{`1 plain_http, .*\n    It came over plain HTTP\.`}, 2},
		{"early_data", func() {
			o.send("/kept", "r", func(r *http.Request) { r.Header.Set("Early-Data", "1") })
		}, "", "r", []string{`1 early_data, .*\n    It came as TLS early data`}, 2},
		{"method", func() { o.send("/kept", "r", func(r *http.Request) { r.Method, r.Body = "PUT", http.NoBody }) }, "", "r", []string{`1 method, .*\n    It was no POST`}, 2},
		{"client_cert", func() { o.sendBody("https://"+o.secure, profile.Command, "{}", nil) }, "", "r", []string{`1 client_cert, .*\n    It had no verified client certificate`}, 2},
		{"bad_query", func() { o.send("/kept", "r", func(r *http.Request) { r.URL.RawQuery += "&SdkAppid=1400000000" }) }, "", "r", []string{`1 bad_query, .*\n    Its query is not that of a callback`}, 2},
		{"unknown_app", func() { o.send("/kept", "r", query("SdkAppid", "1400000001")) }, "", "r", []string{`1 unknown_app, .*\n    Its SdkAppid is not configured`}, 2},
		{"unsigned", func() { o.send("/kept", "r", query("Sign", "")) }, "", "r", []string{`1 unsigned, .*\n    It had no Sign\.`}, 2},
		{"stale", func() { o.send("/kept", "r", query("RequestTime", "1556000000")) }, "", "r", []string{`1 stale, .*\n    Its RequestTime is too far from now`}, 2},
		{"bad_sign", func() { o.send("/kept", "r", query("Sign", strings.Repeat("0", 64))) }, "", "r", []string{`1 bad_sign, .*\n    Its Sign does not match`}, 2},
		{"content_type", func() { o.send("/kept", "r", query("contenttype", "xml")) }, "", "r", []string{`1 content_type, .*\n    Its contenttype is not json`}, 2},
		{"command", func() { o.sendBody("http://"+o.site+"/refuse", "Group.CallbackAfterSendMsg", "{}", nil) }, "", "r", []string{`1 command, .*, Group\.CallbackAfterSendMsg\n    commands does not take this command`}, 2},
		{"too_large", func() { o.send("/small", strings.Repeat("r", 2000), nil) }, "", "r", []string{`1 too_large, .*\n    Its body is larger than max_body`}, 2},
		{"body_read", o.sendHalf, "", "r", []string{`1 body_read, .*\n    Its body did not arrive completely`}, 2},
		{"bad_body", func() { o.sendBody("http://"+o.site+"/kept", profile.Command, `{"From_Account":1}`, nil) }, "", "r", []string{`1 bad_body, .*\n    Its body is not that of a callback`}, 2},
	} {
		tc.do()
		if tc.wait != "" {
			o.waitFor(tc.find, tc.wait)
		}
		if strings.HasPrefix(tc.want[0], `1 `) {
			o.waitUnnamed(tc.name)
		}
		r := o.find(tc.find)
		for _, want := range tc.want {
			if !regexp.MustCompile(want).MatchString(r.Stdout) {
				t.Errorf("%s: there is no %s in\n%s", tc.name, want, r.Stdout)
			}
		}
		if r.Code != tc.code || r.Stderr != "" || strings.Contains(r.Stdout, "secret") || strings.Contains(r.Stdout, "xxxxyyyy") {
			t.Errorf("%s: %+v", tc.name, r)
		}
		o.fast(tc.find)
		if ids := regexp.MustCompile(id).FindAllString(r.Stdout, 1); ids != nil {
			byID, byBeginning := o.find(ids[0]), o.find(strings.ToUpper(ids[0][:8]))
			for _, again := range []caddytest.Result{byID, byBeginning} {
				if title := strings.SplitN(r.Stdout, "\n", 2)[0]; again.Code != 0 || !strings.HasPrefix(again.Stdout, title) {
					t.Errorf("%s: by its ID: %+v", tc.name, again)
				}
			}
		}
	}
	o.script()
}

// sendHalf sends half of a request, and hangs up.
func (o *office) sendHalf() {
	o.t.Helper()
	conn, err := net.Dial("tcp", o.site)
	if err != nil {
		o.t.Fatal(err)
	}
	defer conn.Close()
	r, err := callback.NewRequest(o.t.Context(), "http://"+o.site+"/kept", callback.Request{SDKAppID: "1400000000", Command: profile.Command, Token: "xxxxyyyy", Body: []byte("{}")})
	if err != nil {
		o.t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: 100\r\n\r\n{", r.URL.RequestURI(), o.site)
	_ = conn.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, conn)
}

func (o *office) ask(wanted string) *finder.Found {
	o.t.Helper()
	found, err := finder.Find(o.client, wanted, finder.Options{
		Searching: func(string) {}, Advice: advice.Format{Text: func(s string) string { return s }, Span: time.Duration.String},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	return found
}

// waitFor waits until the newest story of a user has a state. Dead letters are made only while the backend
// takes other events.
func (o *office) waitFor(user, state string) {
	o.t.Helper()
	n := 0
	caddytest.Eventually(o.t, func() bool {
		if state == "dead" {
			n++
			o.send("/kept", fmt.Sprint("other-", n), nil)
		}
		found := o.ask(user)
		if len(found.Stories) == 0 || found.Stories[0].State != state {
			return false
		}
		return state != "waiting" || found.Stories[0].Event.Attempts > 0
	}, "%s is %s", user, state)
}

func (o *office) waitUnnamed(result string) {
	o.t.Helper()
	caddytest.Eventually(o.t, func() bool {
		for _, u := range o.ask("r").Unnamed {
			if u.Result == result {
				return true
			}
		}
		return false
	}, "there is a callback with the result %s", result)
}

// fast wants an answer within a second, if the machine is not busy with something else all the time.
func (o *office) fast(wanted string) {
	o.t.Helper()
	var took time.Duration
	for range 5 {
		began := time.Now()
		o.ask(wanted)
		if took = time.Since(began); took < time.Second {
			return
		}
	}
	o.t.Errorf("finding %s takes %s", wanted, took)
}

// script reads what is printed for scripts.
func (o *office) script() {
	o.t.Helper()
	r := o.find("refused-1", "--json", "--payload")
	var found finder.Found
	if err := json.Unmarshal([]byte(r.Stdout), &found); err != nil || r.Code != 0 || strings.Count(r.Stdout, "\n") != 1 {
		o.t.Fatalf("%v: %+v", err, r)
	}
	s := found.Stories[0]
	if len(found.Stories) != 1 || s.State != "dead" || s.Subject != "refused-1" || s.Command != profile.Command || s.Queue != "kept" || len(s.Callbacks) != 1 ||
		s.Event.History[0].Answer != "no such user" || !strings.Contains(string(s.Event.Event), "secret") || len(found.Unnamed) != len(callback.Reasons())+1 {
		o.t.Errorf("%s", r.Stdout)
	}
	if r := o.find("nobody", "--json"); r.Code != 2 || !strings.HasPrefix(r.Stdout, `{"stories":[],"unnamed":[{"result":"bad_body","count":1,"last":{`) {
		o.t.Errorf("%+v", r)
	}
	if r := o.find("refused-1", "--payload"); !strings.Contains(r.Stdout, `400 Bad Request`) || !strings.Contains(r.Stdout, ": no such user") || !strings.Contains(r.Stdout, `"nick":"a `) {
		o.t.Errorf("%+v", r)
	}
}

// TestFindMany tells the newest stories first.
func TestFindMany(t *testing.T) {
	o := operate(t, caddytest.FreeAddress(), "default", "other")
	o.send("default", "张三\u202e")
	o.send("other", "张三\u202e")
	o.dead("default", 1)
	o.dead("other", 1)
	r := caddytest.Run(t, "tim-callback", "find", "--config", o.caddyfile(), "--adapter", "caddyfile", "张三\u202e")
	titles := regexp.MustCompile(`(?m)^张三\x{fffd}  .*  dead$`).FindAllString(r.Stdout, -1)
	if r.Code != 0 || len(titles) != 2 || strings.Index(r.Stdout, "--queue other") > strings.Index(r.Stdout, "--queue default") || !strings.Contains(r.Stdout, " --config "+o.caddyfile()+" --adapter caddyfile\n") {
		t.Errorf("%+v", r)
	}
	if r := caddytest.Run(t, "tim-callback", "find", "--address", o.admin, "--since", "1h", "张三\u202e"); r.Code != 0 || strings.Count(r.Stdout, "  dead\n") != 2 {
		t.Errorf("%+v", r)
	}
	if r := caddytest.Run(t, "tim-callback", "find", "--address", o.admin, "--since", "0s", "张三\u202e"); r.Code != 2 || !strings.HasPrefix(r.Stdout, "Nothing is known about 张三\ufffd.\n") {
		t.Errorf("%+v", r)
	}
	r = caddytest.Run(t, "tim-callback", "find", "--address", o.admin, "--limit", "1", "张三\u202e")
	if r.Code != 0 || strings.Count(r.Stdout, "  dead\n") != 1 || !strings.HasSuffix(r.Stdout, "\nOlder stories that are not shown: 1. --limit 0 shows all.\n") {
		t.Errorf("%+v", r)
	}
}

func TestFindErrors(t *testing.T) {
	nobody := caddytest.FreeAddress()
	for _, tc := range []struct {
		args []string
		want string
	}{
		{nil, "give one user, group or event ID"},
		{[]string{""}, "give one user, group or event ID"},
		{[]string{"a", "b"}, "give one user, group or event ID"},
		{[]string{"a", "--limit", "-1"}, "--limit -1 is less than zero"},
		{[]string{"a", "--since", "yesterday"}, `--since "yesterday": it is neither a time`},
		{[]string{"a"}, "no answer from Caddy's admin endpoint at " + nobody + " (is Caddy running there?"},
	} {
		r := caddytest.Run(t, append([]string{"tim-callback", "find", "--address", nobody}, tc.args...)...)
		if r.Code != 1 || !strings.Contains(r.Stderr, tc.want) || r.Stdout != "" {
			t.Errorf("%v: %+v, want %s", tc.args, r, tc.want)
		}
	}
}
