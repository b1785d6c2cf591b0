package admin

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

func TestRecentQuery(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	id := strings.Repeat("0a", 16)
	for _, tc := range []struct{ query, err string }{
		{"", ""},
		{"result=&command=&subject=&id=&since=&until=&limit=&after=", ""},
		{"result=bad_sign,stale&command=Group.*&subject=%E5%BC%A0&id=" + id + "&since=2h&until=2026-01-02T03:04:05%2B08:00&limit=1000&after=" + recent.Run + "-7", ""},
		{"result=good", `result: "good" is not one of ok, passed, upstream_error, upstream_timeout, queue_error, plain_http, `},
		{"result=ok,", `result: "" is not one of`},
		{"command=Group", "command: a command is a name such as Group.CallbackAfterSendMsg, a family such as Group.*"},
		{"id=x", `id: "x" is neither the ID of an event nor the beginning of one`},
		{"id=" + id + "0", "id: "},
		{"since=yesterday", "since: it is neither a time such as 2006-01-02T15:04:05Z nor how long ago that was, such as 2h"},
		{"until=-2h", "until: it is neither"},
		{"limit=0", `limit: "0" is not a number from 1 to 1000`},
		{"limit=1001", `limit: "1001" is not a number from 1 to 1000`},
		{"limit=x", `limit: "x" is not a number`},
		{"after=7", `after: "7" is not the cursor of a callback`},
		{"after=xxxxxxxx-7", `after: "xxxxxxxx-7" is not the cursor`},
		{"after=" + recent.Run + "--7", "is not the cursor"},
		{"after=" + recent.Run + "-99999999999999999999", "is not the cursor"},
		{"limit=1&limit=2", "limit is set more than once"},
		{"user=1", `there is no parameter "user"`},
		{"%", "the query is not well-formed"},
	} {
		q, err := parseRecentQuery(tc.query, now)
		if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
			t.Errorf("%s: got %+v, %v; want the error %s", tc.query, q, err, tc.err)
		}
	}
	q, err := parseRecentQuery("since=90m&until=2026-01-02T03:00:00Z&after="+recent.Run+"-7&limit=5&id=0a", now)
	if err != nil || !q.filter.Since.Equal(now.Add(-90*time.Minute)) || q.filter.Until.Minute() != 0 || q.after != cursorAt(7) || q.limit != 5 || q.filter.ID != "0a" {
		t.Errorf("%+v, %v", q, err)
	}
}

func FuzzRecentQuery(f *testing.F) {
	f.Add("result=ok&command=all&subject=a&id=0&since=1h&until=2026-01-02T03:04:05Z&limit=1&after=" + recent.Run + "-1")
	f.Add("a=b;c&%zz")
	f.Fuzz(func(t *testing.T, query string) {
		q, err := parseRecentQuery(query, time.Now())
		if err != nil {
			return
		}
		if q.limit < 1 || q.limit > 1000 || len(q.filter.ID) > 32 {
			t.Errorf("%+v", q)
		}
		if again, err := parseCursor(q.after.String()); q.after.run != "" && (err != nil || again != q.after) {
			t.Errorf("%s: %v, %v", q.after, again, err)
		}
		if _, err := url.ParseQuery(query); err != nil {
			t.Errorf("it takes %q: %v", query, err)
		}
	})
}
