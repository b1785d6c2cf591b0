package inspector

import (
	"strings"
	"testing"
	"time"
)

func TestParseTime(t *testing.T) {
	for text, want := range map[string]time.Time{
		"0s": now, "90s": now.Add(-90 * time.Second), "2h": now.Add(-2 * time.Hour), "1h30m": now.Add(-90 * time.Minute), "3d": now.Add(-72 * time.Hour),
		"2026-01-31T08:00:01Z": time.Date(2026, 1, 31, 8, 0, 1, 0, time.UTC), "2026-01-31T08:00Z": time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC),
		"2026-01-31T08:00+08:00": time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC), "2026-01-31 08:00": time.Date(2026, 1, 31, 8, 0, 0, 0, time.UTC), "2026-01-31": time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := parseTime(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", text, got, err, want)
		}
	}
	for _, text := range []string{"-1h", "yesterday", "2", "99999999d", "-1d", "2026-13-01", "9999999h999999h9999999999999h"} {
		if got, err := parseTime(text, now); err == nil {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestParseQuery(t *testing.T) {
	for query, wrong := range map[string]string{
		"": "", "result=ok": "", "result=refused": "", "result=failed": "", "result=bad_sign": "", "result=": "", "command=Group.*&subject=x&id=1&since=2h&until=1h&before=9&n=1&state=dead": "",
		"result=all": "result", "command=a": "command", "since=x": "since", "until=x": "until", "before=-1": "before", "n=1e9": "n", "state=gone": "state", "%zz": "", "unknown=1": "",
		"subject=" + strings.Repeat("x", maxParam+1): "subject",
	} {
		q := parseQuery(query, now)
		if wrong == "" && query != "%zz" && len(q.Errs) > 0 || wrong != "" && q.Errs[wrong] == "" {
			t.Errorf("%.40s: %v, want an error about %q", query, q.Errs, wrong)
		}
		for _, key := range q.Errs {
			if _, ok := texts[key]; !ok {
				t.Errorf("%.40s: there is no text %s", query, key)
			}
		}
	}
	q := parseQuery("lang=zh&result=ok&before=7&subject=a%26b&x=y", now)
	if got := q.with(pageRecent, paramBefore, 5); got != "./recent?before=5&lang=zh&result=ok&subject=a%26b" {
		t.Error(got)
	}
	if got := q.link(pageEvent, paramID, "a b&c", paramQueue, ""); got != "./event?id=a+b%26c&lang=zh" {
		t.Error(got)
	}
	if got := parseQuery("", now).link(pageOverview); got != "./" {
		t.Error(got)
	}
}
