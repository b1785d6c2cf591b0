package checker

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
)

func TestWrongEndpoints(t *testing.T) {
	seen := map[string]bool{}
	for _, test := range wrongs {
		for _, name := range test.want {
			seen[name] = true
		}
		t.Run(test.name+test.lax, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t)
			served := &endpoint{lax: test.lax, token: token}
			certificate := a.chain(a.leaf(t, nil))
			if test.server != nil {
				certificate = test.server(t, a)
			}
			e := serve(t, served, certificate, test.configure)
			e.TLS = a.trusted()
			if test.check != nil {
				test.check(t, a, served, &e)
			}
			report := check(t, e)
			if got := names(report, Failed); !slices.Equal(got, test.want) {
				t.Errorf("failed %v, want %v", got, test.want)
			} else if f := find(report, got[0]); !strings.Contains(f.Detail, test.detail) {
				t.Errorf("%s: %q does not say %q", f.Name, f.Detail, test.detail)
			}
			if must := slices.ContainsFunc(report.Findings, func(f Finding) bool { return f.Result == Failed && f.Severity == Must }); report.OK == must {
				t.Errorf("OK is %v", report.OK)
			}
			if accepts := find(report, "accepts"); accepts.Result == Failed || find(report, "still_accepts").Result == Failed {
				for i, p := range probes {
					if f := report.Findings[i]; p.refusal && (f.Result == Passed || f.Result == Failed) {
						t.Errorf("%s %s (%s) although refusals prove nothing", f.Name, f.Result, f.Detail)
					}
				}
			}
		})
	}
	for _, p := range probes {
		if !seen[p.name] {
			t.Errorf("no endpoint fails %s", p.name)
		}
	}
}

// Endpoints that do everything right may refuse in different ways.
func TestRightEndpoints(t *testing.T) {
	answer := func(status int, body string) func(http.ResponseWriter, *http.Request, string) {
		return func(w http.ResponseWriter, _ *http.Request, _ string) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte(body))
		}
	}
	for name, refuse := range map[string]func(http.ResponseWriter, *http.Request, string){
		"FAIL":             answer(403, string(callback.Fail("no").JSON())),
		"200 and FAIL":     answer(200, string(callback.Fail("no").JSON())),
		"FAIL, ill-formed": answer(200, `{"ActionStatus":"FAIL"}`),
		"200 and another":  answer(200, `{"code":401}`),
		"no body":          answer(400, ""),
		"a breakdown":      answer(500, "<html>"),
		"a redirect":       func(w http.ResponseWriter, r *http.Request, _ string) { http.Redirect(w, r, "/", http.StatusFound) },
		"no answer":        func(http.ResponseWriter, *http.Request, string) { panic(http.ErrAbortHandler) },
	} {
		for _, signed := range []string{token, ""} {
			t.Run(name+signed, func(t *testing.T) {
				t.Parallel()
				a := newAuthority(t)
				served := &endpoint{token: signed, refuse: refuse}
				mutual := func(s *httptest.Server) {
					s.TLS.ClientAuth, s.TLS.ClientCAs = tls.RequireAndVerifyClientCert, a.trusted().RootCAs
				}
				e := serve(t, served, a.chain(a.leaf(t, nil)), mutual)
				e.TLS = a.trusted()
				e.TLS.Certificates = []tls.Certificate{a.chain(a.leaf(t, nil))}
				report := check(t, e)
				for _, f := range report.Findings {
					if f.Result != Passed && f.Result != Skipped {
						t.Errorf("%s %s: %s", f.Name, f.Result, f.Detail)
					}
				}
				if !report.OK || report.Passed+report.Skipped != len(probes) {
					t.Errorf("got %+v", report)
				}
				if len(served.events) < 4 {
					t.Errorf("%d callbacks were accepted", len(served.events))
				}
				for event, n := range served.events {
					if n > 1 {
						t.Errorf("EventTime %d came %d times", event, n)
					}
				}
			})
		}
	}
}

// check runs all probes, and checks what is true of every report.
func check(t *testing.T, e Endpoint) *Report {
	t.Helper()
	report, err := Run(t.Context(), e, nil)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range report.Findings {
		got = append(got, f.Name)
		if f.Detail == "" || f.Why == "" || f.Fix == "" || f.Title == "" {
			t.Errorf("something is missing in %+v", f)
		}
	}
	var want []string
	for _, p := range probes {
		want = append(want, p.name)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
	written, err := json.Marshal(report)
	if err != nil {
		t.Fatal(err)
	}
	var table bytes.Buffer
	if err := report.Write(&table, Style{Width: console.DefaultWidth, Verbose: true}); err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{string(written), table.String()} {
		if strings.Contains(text, token) || regexp.MustCompile(`(?i)[0-9a-f]{64}|own=1`).MatchString(text) {
			t.Errorf("the report has a secret: %s", text)
		}
	}
	for line := range strings.Lines(table.String()) {
		if n := columns(strings.TrimSuffix(line, "\n")); n > console.DefaultWidth {
			t.Errorf("a line of %d columns: %s", n, line)
		}
	}
	return report
}

func names(report *Report, result Result) (names []string) {
	for _, f := range report.Findings {
		if f.Result == result {
			names = append(names, f.Name)
		}
	}
	return names
}

func find(report *Report, name string) Finding {
	return report.Findings[slices.IndexFunc(report.Findings, func(f Finding) bool { return f.Name == name })]
}

// A short lifetime of a certificate is reported, but is not a fault: Caddy's own CA issues
// certificates for 12 hours.
func TestHowLongTheCertificateIsValid(t *testing.T) {
	for name, test := range map[string]struct {
		before, after time.Duration
		want          string
	}{
		"12 hours":       {time.Hour, 11 * time.Hour, "it is short-lived: it is valid for another 11 hours of its 12 hours, so it must be renewed automatically"},
		"6 days":         {24 * time.Hour, 5 * 24 * time.Hour, "it is short-lived: it is valid for another 5 days of its 6 days, so it must be renewed automatically"},
		"90 days":        {10 * 24 * time.Hour, 80 * 24 * time.Hour, "it is valid for another 80 days"},
		"90 days, 15 on": {75 * 24 * time.Hour, 15 * 24 * time.Hour, "it is valid for another 15 days"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t)
			leaf := a.leaf(t, func(c *x509.Certificate) {
				c.NotBefore, c.NotAfter = time.Now().Add(-test.before), time.Now().Add(test.after+20*time.Second)
			})
			e := serve(t, &endpoint{token: token}, a.chain(leaf), nil)
			e.TLS = a.trusted()
			if f := find(check(t, e), "expiry_soon"); f.Result != Passed || f.Detail != test.want || strings.Contains(f.Title, "soon") {
				t.Errorf("%s %s: %s", f.Title, f.Result, f.Detail)
			}
		})
	}
}
