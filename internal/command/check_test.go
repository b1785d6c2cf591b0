package command_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

const checkedToken = "xxxxyyyy"

type checkReport struct {
	URL                                         string
	OK                                          bool
	Passed, Failed, Warnings, Not_told, Skipped int
	Probes                                      []struct {
		Name, Title, Severity, Result, Detail, Why, Mend string
	}
}

func parseReport(t *testing.T, r caddytest.Result) (report checkReport) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.Stdout), &report); err != nil {
		t.Fatalf("%v: %+v", err, r)
	}
	if r.Stderr != "" {
		t.Errorf("the standard error output has: %s", r.Stderr)
	}
	return report
}

// This module passes all probes, in each of its ways to answer.
func TestCheckOfThisModule(t *testing.T) {
	const backend = "\n\trespond `{\"ActionStatus\":\"OK\",\"ErrorCode\":0,\"ErrorInfo\":\"\"}`"
	for name, directives := range map[string]string{
		"forward":  "tim_callback /im/callback 1400000000 " + checkedToken + backend,
		"original": "tim_callback /im/callback 1400000000 " + checkedToken + " {\n\t\tbody original\n\t}" + backend,
		"ack":      "tim_callback /im/callback 1400000000 " + checkedToken + " {\n\t\tanswer ack\n\t}",
		"queue":    "tim_callback /im/callback 1400000000 " + checkedToken + " {\n\t\tqueue {\n\t\t\tdeliver {\n\t\t\t\trespond 204\n\t\t\t}\n\t\t}\n\t}",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newCheckedSite(t, "", directives)
			token := filepath.Join(s.dir, "token")
			if err := os.WriteFile(token, []byte(checkedToken+"\n"), 0o600); err != nil {
				t.Fatal(err)
			}
			r := s.check(t, "--token-file", token, "--json")
			report := parseReport(t, r)
			for _, p := range report.Probes {
				if p.Result != "passed" && p.Name != "client_cert" && p.Name != "authenticated" && !strings.HasPrefix(p.Name, "decision") {
					t.Errorf("%s %s: %s", p.Name, p.Result, p.Detail)
				}
			}
			if r.Code != 0 || !report.OK || report.Passed < 25 || report.URL != s.url {
				t.Errorf("exit code %d, %+v", r.Code, report)
			}
		})
	}
}

func TestCheckWithClientCertificate(t *testing.T) {
	s := newCheckedSite(t, `client_auth {
			mode require_and_verify
			trust_pool file DIR/ca.pem
		}`, `tim_callback /im/callback 1400000000 {
		require_client_cert
		answer ack
	}`)
	r := s.check(t, "--json", "--cert", filepath.Join(s.dir, "cert.pem"), "--key", filepath.Join(s.dir, "key.pem"))
	report := parseReport(t, r)
	for _, p := range report.Probes {
		if (p.Name == "client_cert" || p.Name == "authenticated") && p.Result != "passed" {
			t.Errorf("%s %s: %s", p.Name, p.Result, p.Detail)
		}
	}
	if r.Code != 0 || report.Failed+report.Warnings+report.Not_told != 0 {
		t.Errorf("exit code %d, %+v", r.Code, report)
	}

	r = s.check(t)
	if r.Code != 1 || !strings.Contains(strings.Join(strings.Fields(r.Stdout), " "), "certificate required;") || !strings.Contains(r.Stdout, "--cert") {
		t.Errorf("without a certificate: %+v", r)
	}
}

func TestCheckFinds(t *testing.T) {
	s := newCheckedSite(t, "", "tim_callback /im/callback 1400000000 {\n\t\tallow_unsigned\n\t\tanswer ack\n\t}")
	r := s.check(t)
	if r.Code != 1 || !strings.Contains(r.Stdout, "FAIL  Authenticates callbacks: an unsigned callback was accepted\n") ||
		!strings.Contains(r.Stdout, "skip  Refuses a wrong Sign") {
		t.Errorf("no token: %+v", r)
	}
	r = s.check(t, "--token", checkedToken)
	for _, text := range []string{"FAIL  Refuses a missing Sign: ", "FAIL  Refuses a wrong Sign: ", "\n      why:  ", "\n      fix:  ", " 3 FAIL, 2 warn,"} {
		if !strings.Contains(r.Stdout, text) {
			t.Errorf("without %q: %s", text, r.Stdout)
		}
	}
	if r.Code != 1 || strings.Contains(r.Stdout, "\x1b") || regexp.MustCompile(checkedToken+`|[0-9a-f]{32}`).MatchString(r.Stdout+r.Stderr) {
		t.Errorf("got %+v", r)
	}
}

// Warnings alone do not make the exit code 1.
func TestCheckWarns(t *testing.T) {
	s := newCheckedSite(t, "", "tim_callback /im/callback 1400000000 "+checkedToken+" {\n\t\tmax_age 3m\n\t\tmax_body 2MiB\n\t\tanswer ack\n\t}")
	r := s.check(t, "--token", checkedToken)
	for _, text := range []string{"warn  Refuses a RequestTime minutes old: accepted ", "warn  Refuses a huge body: accepted ", " 0 FAIL, 2 warn,"} {
		if !strings.Contains(r.Stdout, text) {
			t.Errorf("without %q: %s", text, r.Stdout)
		}
	}
	if r.Code != 0 {
		t.Errorf("got %+v", r)
	}
}

func TestCheckOnATerminal(t *testing.T) {
	script, err := exec.LookPath("script")
	if err != nil {
		t.Skip("THIS TEST DID NOT RUN: there is no script(1) to make a terminal with")
	}
	s := newCheckedSite(t, "", "tim_callback /im/callback 1400000000 "+checkedToken+" {\n\t\tanswer ack\n\t}")
	t.Setenv("TIM_CALLBACK_TOKEN", checkedToken)
	for _, test := range []struct {
		environment string
		colours     bool
	}{{"NO_COLOR=", true}, {"NO_COLOR=1", false}, {"TERM=dumb", false}} {
		cmd := caddytest.Command(t, s.dir, "tim-callback", "check", "--url", s.url, "--sdk-appid", "1400000000", "--cacert", filepath.Join(s.dir, "ca.pem"))
		words := "stty cols 60; exec '" + strings.Join(cmd.Args, "' '") + "'"
		terminal := exec.CommandContext(t.Context(), script, "-qec", words, "/dev/null")
		terminal.Env = append(cmd.Env, "TERM=xterm", test.environment)
		output, err := terminal.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, output)
		}
		if got := strings.Contains(string(output), "\x1b[32mok"); got != test.colours {
			t.Errorf("%s: colours %v", test.environment, got)
		}
		if got := strings.Contains(string(output), "Refuses GET\r\x1b[K"); got != (test.environment != "TERM=dumb") {
			t.Errorf("%s: progress %v", test.environment, got)
		}
		// the line with the progress is erased
		text := regexp.MustCompile(`[^\n]*\x1b\[K|\x1b\[\d*m`).ReplaceAllString(string(output), "")
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\r\n"); len([]rune(line)) > 60 {
				t.Errorf("%s: a line of more than 60 columns: %q", test.environment, line)
			}
		}
	}
}

const stateChange = `{"CallbackCommand":"State.StateChange","EventTime":1656921052497,"Info":{"Action":"Login","To_Account":"id1","Reason":"Register"}}`

func stateFile(t *testing.T) string {
	name := filepath.Join(t.TempDir(), "state.json")
	if err := os.WriteFile(name, []byte(stateChange+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// An endpoint that accepts only another command is checked with that command.
func TestCheckOfAnotherCommand(t *testing.T) {
	server := endpoint(t, false, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		var got struct{ CallbackCommand string }
		if err != nil || r.URL.Query().Get("CallbackCommand") != "State.StateChange" || json.Unmarshal(body, &got) != nil || got.CallbackCommand != "State.StateChange" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = w.Write(callback.OK().JSON())
	})
	check := func(args ...string) map[string]string {
		r := caddytest.Run(t, append([]string{"tim-callback", "check", "--url", server.URL, "--sdk-appid", "1400000000", "--insecure", "--json"}, args...)...)
		results := make(map[string]string)
		for _, p := range parseReport(t, r).Probes {
			results[p.Name] = p.Result
			if p.Name == "accepts" {
				results["mend"] = p.Mend
			}
		}
		return results
	}
	results := check("--command", "State.StateChange", "--body", stateFile(t))
	for _, name := range []string{"accepts", "answer", "news", "command_mismatch", "not_json", "still_accepts"} {
		if results[name] != "passed" {
			t.Errorf("%s: %s", name, results[name])
		}
	}
	if results = check(); results["accepts"] != "failed" || !strings.Contains(results["mend"], "--command") {
		t.Errorf("with the profile's command: %v", results)
	}
}

// The tester chooses a command that brings news and one that asks for a decision.
func TestCheckOfADecision(t *testing.T) {
	t.Setenv("TIM_CALLBACK_TOKEN", checkedToken)
	const answer = "\n\trespond `{\"ActionStatus\":\"OK\",\"ErrorCode\":2,\"ErrorInfo\":\"\",\"RspData\":\"x\"}`"
	all := newCheckedSite(t, "", "tim_callback /im/callback 1400000000 "+checkedToken+" {\n\t\tcommands all\n\t}"+answer)
	profileOnly := newCheckedSite(t, "", "tim_callback /im/callback 1400000000 "+checkedToken+answer)
	body := filepath.Join(t.TempDir(), "signal.json")
	if err := os.WriteFile(body, []byte(`{"From_Account":"tim-callback-check","Data":"x"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		site     checkedSite
		args     []string
		decision string // the result
		time     string
		detail   string // part of it
		fix      string // part of it
	}{
		"off":     {all, nil, "skipped", "skipped", "--decision", ""},
		"valid":   {all, []string{"--command", "Group.CallbackAfterSendMsg", "--decision", "Group.CallbackBeforeSendMsg"}, "passed", "passed", "Group.CallbackBeforeSendMsg with ErrorCode 2", ""},
		"invalid": {all, []string{"--decision", "Sns.CallbackPrevFriendAdd"}, "failed", "passed", "ResultItem is missing", "ResultItem"},
		"a body":  {all, []string{"--decision", "Chatbot.OnC2CSignalMessage", "--decision-body", body}, "failed", "passed", "ErrorCode is 2", "RspData"},
		"refused": {profileOnly, []string{"--decision", "C2C.CallbackBeforeSendMsg"}, "failed", "passed", "status 403 Forbidden", "`commands`"},
	} {
		t.Run(name, func(t *testing.T) {
			r := test.site.check(t, append(test.args, "--json")...)
			report := parseReport(t, r)
			for _, p := range report.Probes {
				switch p.Name {
				case "decision":
					if p.Result != test.decision || !strings.Contains(p.Detail, test.detail) || !strings.Contains(p.Mend, test.fix) {
						t.Errorf("got %+v", p)
					}
				case "decision_time":
					if p.Result != test.time {
						t.Errorf("got %+v", p)
					}
				default:
					if p.Result == "failed" || p.Result == "not_told" {
						t.Errorf("got %+v", p)
					}
				}
			}
			if bad := test.decision == "failed"; report.OK == bad || (r.Code != 0) != bad {
				t.Errorf("exit code %d, %+v", r.Code, report)
			}
		})
	}
}

func TestCheckFlags(t *testing.T) {
	state := stateFile(t)
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no URL":                      {nil, "--url"},
		"plain URL":                   {[]string{"--url", "https://localhost/", "--sdk-appid", "1", "--http-url", "https://localhost/"}, "http://"},
		"another command in the body": {[]string{"--url", "https://localhost/", "--sdk-appid", "1", "--command", "C2C.CallbackAfterSendMsg", "--body", state}, `--body: its CallbackCommand is "State.StateChange", but --command is C2C.CallbackAfterSendMsg`},
		"no body":                     {[]string{"--url", "https://localhost/", "--sdk-appid", "1", "--command", "Sns.CallbackFriendAdd"}, "--command: Sns.CallbackFriendAdd needs a body of your own, since there is no sample of it: use --body"},
		"all commands":                {[]string{"--url", "https://localhost/", "--sdk-appid", "1", "--command", "all"}, "--command: check needs one command, not all"},
		"news as a decision":          {[]string{"--url", "https://localhost/", "--sdk-appid", "1", "--decision", "State.StateChange"}, "--decision: State.StateChange does not ask for a decision: use --command"},
		"decision without a sample":   {[]string{"--url", "https://localhost/", "--sdk-appid", "1", "--decision", "Chatbot.OnC2CSignalMessage"}, "--decision: Chatbot.OnC2CSignalMessage needs a body of your own, since there is no sample of it: use --decision-body"},
		"body of another decision":    {[]string{"--url", "https://localhost/", "--sdk-appid", "1", "--decision", "C2C.CallbackBeforeSendMsg", "--decision-body", state}, `--decision-body: its CallbackCommand is "State.StateChange", but --decision is C2C.CallbackBeforeSendMsg`},
		"body of no decision":         {[]string{"--url", "https://localhost/", "--sdk-appid", "1", "--decision-body", state}, "--decision-body needs --decision"},
		"one input for two bodies":    {[]string{"--url", "https://localhost/", "--sdk-appid", "1", "--decision", "C2C.CallbackBeforeSendMsg", "--body", "-", "--decision-body", "-"}, "--body and --decision-body cannot both be standard input"},
		"body and from":               {[]string{"--url", "https://localhost/", "--sdk-appid", "1", "--from", "a", "--body", state}, "--body and --from cannot be used together"},
		"unknown flag":                {[]string{"--nonsense"}, "nonsense"},
		"surplus word":                {[]string{"https://localhost/"}, "unknown command"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := caddytest.Run(t, append([]string{"tim-callback", "check"}, test.args...)...)
			if r.Code != 1 || !strings.HasPrefix(r.Stderr, "Error: ") || !strings.Contains(r.Stderr, test.want) || r.Stdout != "" {
				t.Errorf("got %+v", r)
			}
		})
	}
	r := caddytest.Run(t, "help", "tim-callback", "check")
	for _, text := range []string{"tim-callback-check", "no_sign", "--http-url", "exit code", "--decision"} {
		if !strings.Contains(r.Stdout, text) {
			t.Errorf("the help is without %q: %s", text, r.Stdout)
		}
	}
	for line := range strings.Lines(r.Stdout) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}
