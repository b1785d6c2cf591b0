package checker

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestPlainURLs(t *testing.T) {
	for from, want := range map[string][]string{
		"https://im.example.com/cb?a=1":  {"http://im.example.com:80/cb?a=1", "http://im.example.com:443/cb?a=1"},
		"https://im.example.com:443/cb":  {"http://im.example.com:80/cb", "http://im.example.com:443/cb"},
		"https://im.example.com:8443/cb": {"http://im.example.com:8443/cb"},
		"https://[2001:db8::1]:8443/cb":  {"http://[2001:db8::1]:8443/cb"},
	} {
		s, err := newSession(t.Context(), Endpoint{URL: from})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, u := range s.plainURLs() {
			got = append(got, u.String())
		}
		s.close()
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %v", from, got)
		}
	}
}

// A Sign is sent over plain HTTP only if nothing else shows whether callbacks are refused.
func TestPlainHTTPWithoutSign(t *testing.T) {
	nobody := httptest.NewServer(nil)
	nobody.Close()
	redirects := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.URL.RawQuery, "Sign") {
			t.Error("a Sign came over plain HTTP")
		}
		http.Redirect(w, r, "https://"+r.Host, http.StatusPermanentRedirect)
	}))
	t.Cleanup(redirects.Close)
	as := func(status func(r *http.Request) int) func(http.ResponseWriter, *http.Request, string) {
		return func(w http.ResponseWriter, r *http.Request, _ string) { w.WriteHeader(status(r)) }
	}
	alike := as(func(*http.Request) int { return http.StatusForbidden })
	for name, test := range map[string]struct {
		refuse func(http.ResponseWriter, *http.Request, string)
		lax    string
		at     string
		want   Result
		signed bool
	}{
		"another status": {refuse: as(func(r *http.Request) int {
			if r.TLS == nil {
				return http.StatusForbidden
			}
			return http.StatusUnauthorized
		}), want: Passed},
		"no answer over HTTPS": {refuse: func(w http.ResponseWriter, r *http.Request, _ string) {
			if r.TLS != nil {
				panic(http.ErrAbortHandler)
			}
			w.WriteHeader(http.StatusNotFound)
		}, want: Passed},
		"the same status": {refuse: alike, want: Passed, signed: true},
		"accepted":        {refuse: alike, lax: "plain_http", want: Failed, signed: true},
		"no Sign needed":  {refuse: alike, lax: "plain_http no_sign", want: Failed},
		"a redirect":      {at: redirects.URL, want: Passed},
		"nobody there":    {at: nobody.URL, want: Passed},
		"TLS there":       {at: "same", want: Passed},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			served, e := right(t, test.refuse)
			served.lax = test.lax
			switch test.at {
			case "":
			case "same":
				e.PlainURL = ""
			default:
				e.PlainURL = test.at
			}
			f := find(check(t, e), "plain_http")
			if f.Result != test.want {
				t.Errorf("%s: %s", f.Result, f.Detail)
			}
			if signed := slices.ContainsFunc(served.plain, func(q string) bool {
				query, err := url.ParseQuery(q)
				return err != nil || query.Has("Sign")
			}); signed != test.signed {
				t.Errorf("signed over plain HTTP: %v", signed)
			}
		})
	}
}
