package command

import (
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
)

func TestTailLine(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678_900_000, time.Local)
	const clock = "03:04:05.678  "
	c := func(change func(*adminapi.Callback)) *adminapi.Callback {
		c := &adminapi.Callback{
			Time: at, SDKAppID: "1400000000", Command: "Profile.CallbackPortraitSet", Subject: "id1", ID: "1f0c2a9b0000000000000000000000ff",
			ClientIP: "192.0.2.7", Result: "ok", Status: 200, TookMS: 1.26,
		}
		change(c)
		return c
	}
	for _, tc := range []struct {
		change func(*adminapi.Callback)
		want   string
	}{
		{func(*adminapi.Callback) {}, "ok          Profile.CallbackPortraitSet  id1           1f0c2a9b  200    1.3ms"},
		{
			func(c *adminapi.Callback) {
				c.Queue, c.Delivery = "default", &adminapi.RecentDelivery{State: "waiting"}
			}, "ok          Profile.CallbackPortraitSet  id1           1f0c2a9b  200    1.3ms  queue default, waiting",
		},
		{
			func(c *adminapi.Callback) {
				c.Queue, c.Duplicate, c.Delivery = "default", true, &adminapi.RecentDelivery{State: "dead", Attempts: 5, LastError: "404 Not Found"}
			}, "ok          Profile.CallbackPortraitSet  id1           1f0c2a9b  200    1.3ms  queue default, duplicate, dead after 5 attempts: 404 Not Found",
		},
		{
			func(c *adminapi.Callback) {
				c.Result, c.Status, c.ID, c.Subject, c.Detail = "stale", 401, "", "", "it lies in the past"
			}, "stale       Profile.CallbackPortraitSet  -             -         401    1.3ms  it lies in the past, from 192.0.2.7",
		},
		{
			func(c *adminapi.Callback) {
				c.Result, c.Status, c.TookMS, c.Undecided = "upstream_timeout", 504, 1801, true
			},
			"upstream_timeout  Profile.CallbackPortraitSet  id1           1f0c2a9b  504    1.80s  undecided",
		},
		{
			func(c *adminapi.Callback) {
				c.Command, c.Subject = "张三\u202e\x1b[31mred\nnew\tline\x9b", "\u2066\xff\u200f"
			},
			"ok          张三��[31mred new line�      ���           1f0c2a9b  200    1.3ms",
		},
	} {
		if got := new(tailer).line(c(tc.change)); got != clock+tc.want+"\n" {
			t.Errorf("got\n%swant\n%s", got, clock+tc.want)
		}
	}
}

// TestTailLineInTerminal has texts of the greatest length, which strangers may choose.
func TestTailLineInTerminal(t *testing.T) {
	for _, text := range []string{strings.Repeat("x", 128), strings.Repeat("张", 42), strings.Repeat("\u202e", 42), strings.Repeat("e\u0301", 42)} {
		line := (&tailer{terminal: true}).line(&adminapi.Callback{Command: text, Subject: text, ID: "1", Result: "ok", Status: 200})
		if n := console.Width(strings.TrimSuffix(line, "\n")); n > 124 || strings.Count(line, "\n") != 1 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
