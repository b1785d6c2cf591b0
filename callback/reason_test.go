package callback

import (
	"slices"
	"testing"
)

func TestReasons(t *testing.T) {
	want := []struct {
		reason Reason
		status int
	}{
		{"plain_http", 403}, {"early_data", 425}, {"method", 405}, {"client_cert", 403}, {"bad_query", 400}, {"unknown_app", 403},
		{"unsigned", 401}, {"stale", 401}, {"bad_sign", 401}, {"content_type", 415}, {"command", 403}, {"too_large", 413},
		{"body_read", 400}, {"bad_body", 400},
	}
	var names []Reason
	for _, w := range want {
		names = append(names, w.reason)
		if got := w.reason.Status(); got != w.status {
			t.Errorf("%s: status %d, want %d", w.reason, got, w.status)
		}
		if text := w.reason.Text(); text == "" || text == string(w.reason) {
			t.Errorf("%s: text %q", w.reason, text)
		}
	}
	all := Reasons()
	if !slices.Equal(all, names) {
		t.Errorf("got %v", all)
	}
	all[0] = "changed"
	if Reasons()[0] != "plain_http" {
		t.Error("a caller can change the list of reasons")
	}
	if r := Reason("other"); r.Status() != 500 || r.Text() != "other" {
		t.Errorf("no reason: %d %q", r.Status(), r.Text())
	}
}

func TestError(t *testing.T) {
	for _, tc := range []struct {
		err  Error
		want string
	}{
		{Error{Reason: ReasonBadSign}, "Sign does not match"},
		{Error{ReasonBadBody, "not valid UTF-8"}, "the body is not that of a callback: not valid UTF-8"},
	} {
		if got := tc.err.Error(); got != tc.want {
			t.Errorf("got %q, want %q", got, tc.want)
		}
	}
}
