package commandtest

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
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

func parseReport(t *testing.T, r result) (report checkReport) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.stdout), &report); err != nil {
		t.Fatalf("%v: %+v", err, r)
	}
	if r.stderr != "" {
		t.Errorf("besides the report: %s", r.stderr)
	}
	return report
}

// This module, in each of its ways to answer, gets all of it right.
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
				if p.Result != "passed" && p.Name != "client_cert" && p.Name != "authenticated" {
					t.Errorf("%s %s: %s", p.Name, p.Result, p.Detail)
				}
			}
			if r.code != 0 || !report.OK || report.Passed < 25 || report.URL != s.url {
				t.Errorf("exit code %d, %+v", r.code, report)
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
	if r.code != 0 || report.Failed+report.Warnings+report.Not_told != 0 {
		t.Errorf("exit code %d, %+v", r.code, report)
	}

	r = s.check(t)
	if r.code != 1 || !strings.Contains(strings.Join(strings.Fields(r.stdout), " "), "certificate required;") || !strings.Contains(r.stdout, "--cert") {
		t.Errorf("without a certificate: %+v", r)
	}
}

func TestCheckFinds(t *testing.T) {
	s := newCheckedSite(t, "", "tim_callback /im/callback 1400000000 {\n\t\tallow_unsigned\n\t\tanswer ack\n\t}")
	r := s.check(t)
	if r.code != 1 || !strings.Contains(r.stdout, "FAIL  Has callbacks authenticated: an unsigned callback was accepted\n") ||
		!strings.Contains(r.stdout, "skip  Refuses a wrong Sign") {
		t.Errorf("no token: %+v", r)
	}
	r = s.check(t, "--token", checkedToken)
	for _, text := range []string{"FAIL  Refuses a missing Sign: ", "FAIL  Refuses a wrong Sign: ", "\n      why:  ", "\n      mend: ", " 3 FAIL, 2 warn,"} {
		if !strings.Contains(r.stdout, text) {
			t.Errorf("without %q: %s", text, r.stdout)
		}
	}
	if r.code != 1 || strings.Contains(r.stdout, "\x1b") || regexp.MustCompile(checkedToken+`|[0-9a-f]{32}`).MatchString(r.stdout+r.stderr) {
		t.Errorf("got %+v", r)
	}
}

// Warnings alone are no reason to fail.
func TestCheckWarns(t *testing.T) {
	s := newCheckedSite(t, "", "tim_callback /im/callback 1400000000 "+checkedToken+" {\n\t\tmax_age 3m\n\t\tmax_body 2MiB\n\t\tanswer ack\n\t}")
	r := s.check(t, "--token", checkedToken)
	for _, text := range []string{"warn  Refuses a RequestTime minutes old: accepted ", "warn  Refuses a huge body: accepted ", " 0 FAIL, 2 warn,"} {
		if !strings.Contains(r.stdout, text) {
			t.Errorf("without %q: %s", text, r.stdout)
		}
	}
	if r.code != 0 {
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
		cmd := caddy(t, s.dir, "tim-callback", "check", "--url", s.url, "--sdk-appid", "1400000000", "--cacert", filepath.Join(s.dir, "ca.pem"))
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
		// what was written of the progress is erased
		text := regexp.MustCompile(`[^\n]*\x1b\[K|\x1b\[\d*m`).ReplaceAllString(string(output), "")
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\r\n"); len([]rune(line)) > 60 {
				t.Errorf("%s: a line of more than 60 columns: %q", test.environment, line)
			}
		}
	}
}

func TestCheckFlags(t *testing.T) {
	for name, test := range map[string]struct {
		args []string
		want string
	}{
		"no URL":       {nil, "--url"},
		"plain URL":    {[]string{"--url", "https://localhost/", "--sdk-appid", "1", "--http-url", "https://localhost/"}, "http://"},
		"unknown flag": {[]string{"--nonsense"}, "nonsense"},
		"surplus word": {[]string{"https://localhost/"}, "unknown command"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, append([]string{"tim-callback", "check"}, test.args...)...)
			if r.code != 1 || !strings.Contains(r.stderr, test.want) || r.stdout != "" {
				t.Errorf("got %+v", r)
			}
		})
	}
	r := run(t, "help", "tim-callback", "check")
	for _, text := range []string{"tim-callback-check", "no_sign", "--http-url", "exit code"} {
		if !strings.Contains(r.stdout, text) {
			t.Errorf("the help is without %q: %s", text, r.stdout)
		}
	}
}
