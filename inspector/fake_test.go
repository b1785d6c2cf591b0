package inspector

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// fake is a source with what a test gives it.
type fake struct {
	mu        sync.Mutex
	off       bool
	callbacks []callbackInfo // oldest first
	queues    []queueInfo
	events    map[string][]eventInfo
	broken    map[string]bool // queues that cannot be read
	watchers  []chan struct{}
}

func (f *fake) Remembers() bool { return !f.off }

func (f *fake) add(c callbackInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	c.Seq = uint64(len(f.callbacks) + 1)
	f.callbacks = append(f.callbacks, c)
	for _, w := range f.watchers {
		select {
		case w <- struct{}{}:
		default:
		}
	}
}

func (f *filter) matches(c *callbackInfo) bool {
	return (len(f.Results) == 0 || slices.Contains(f.Results, c.Result)) && (f.Command == "" || callback.Pattern(f.Command).Match(c.Command)) &&
		(f.Subject == "" || f.Subject == c.Subject) && strings.HasPrefix(c.ID, f.ID) &&
		(f.Since.IsZero() || !c.Time.Before(f.Since)) && (f.Until.IsZero() || !c.Time.After(f.Until))
}

func (f *fake) Callbacks(by *filter, before uint64, limit int) (found []callbackInfo) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range slices.Backward(f.callbacks) {
		if (before == 0 || c.Seq < before) && by.matches(&c) && len(found) < limit {
			found = append(found, c)
		}
	}
	return found
}

func (f *fake) Last() uint64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	return uint64(len(f.callbacks))
}

func (f *fake) Next(after uint64, by *filter) (found []callbackInfo, upTo, lost uint64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.callbacks[min(after, uint64(len(f.callbacks))):] {
		if by.matches(&c) {
			found = append(found, c)
		}
	}
	return found, uint64(len(f.callbacks)), 0
}

func (f *fake) Watch() (<-chan struct{}, func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	w := make(chan struct{}, 1)
	f.watchers = append(f.watchers, w)
	return w, func() {}
}

func (f *fake) Queues(context.Context) []queueInfo { return f.queues }

func (f *fake) Events(_ context.Context, queue string, q eventQuery) (page eventPage, err error) {
	if f.broken[queue] {
		return page, errors.New("the queue cannot write at present")
	}
	for n, e := range f.events[queue] {
		if fmt.Sprint(n+1) <= q.After && q.After != "" || q.State != "" && q.State != e.State || q.ID != "" && q.ID != e.ID || q.Subject != "" && q.Subject != e.Subject {
			continue
		}
		if len(page.Events) == q.Limit {
			page.Next = fmt.Sprint(n)
			break
		}
		page.Events = append(page.Events, e)
	}
	return page, nil
}

// now is the time of all tests with a fake.
var now = time.Date(2026, 11, 26, 8, 30, 12, 345e6, time.UTC)

func id(n int) string { return fmt.Sprintf("%032x", 0x5eed0000+n*7919) }

// busy is a source with something of everything.
func busy() *fake {
	f := &fake{events: make(map[string][]eventInfo)}
	commands := []string{"Profile.CallbackPortraitSet", "C2C.CallbackAfterSendMsg", "Group.CallbackAfterNewMemberJoin", "State.StateChange", "Group.CallbackBeforeSendMsg"}
	all := append(results(), "ok", "ok", "ok", "ok", "ok", "ok", "ok", "ok")
	for n := range 240 {
		c := callbackInfo{
			Time: now.Add(-time.Duration(240-n) * 7 * time.Second), Took: time.Duration(900+n*37) * time.Microsecond, App: "1400000000",
			Command: commands[n%len(commands)], Subject: fmt.Sprintf("user_%d", 40+n%9), ClientIP: "203.0.113.7", Result: all[(n*n+n/3)%len(all)], Status: 200,
		}
		if c.Result == resultFailed || c.Result == resultRefused {
			c.Result = "ok"
		}
		switch wordOf(c.Result) {
		case "ok":
			c.ID, c.Queue = id(n), "default"
			c.Delivery = &deliveryInfo{State: []string{stateDelivered, stateDelivered, stateDelivered, stateWaiting, stateRetried}[n%5], Attempts: 1, Last: c.Time.Add(time.Second)}
			if c.Delivery.State == stateRetried {
				c.Delivery.LastError, c.Delivery.Attempts, c.Delivery.Next = "503 Service Unavailable", 4, now.Add(12*time.Second)
			}
			c.Duplicate = n%11 == 0
		case resultRefused:
			c.Status, c.Detail, c.ClientIP = 401, "RequestTime is 75 s ago", "198.51.100.23"
		case resultFailed:
			c.Status, c.ID = 502, id(n)
		}
		f.add(c)
	}
	f.queues = []queueInfo{
		{Name: "default", Store: "file", Waiting: 1342, InFlight: 16, Dead: 3, Bytes: 5 << 20, MaxBytes: 1 << 30, Oldest: now.Add(-94 * time.Minute), DownSince: now.Add(-7 * time.Minute)},
		{Name: "messages", Store: "postgres", Waiting: 0, InFlight: 2, Bytes: 2345, Oldest: now.Add(-time.Second), Node: &nodeInfo{ID: "edge-1", Partitions: 32, Nodes: 2, Up: true}},
	}
	states := []string{stateDead, stateWaiting, stateInFlight, stateDelivered}
	for n := range 12 {
		e := eventInfo{
			Queue: "default", State: states[n%4], ID: id(n), App: "1400000000", Command: commands[n%len(commands)], Subject: fmt.Sprintf("user_%d", 40+n), Lane: fmt.Sprintf("1400000000/user_%d", 40+n),
			Received: now.Add(-time.Duration(90-n) * time.Minute),
			Payload:  []byte(`{"sdk_appid":1400000000,"command":"Profile.CallbackPortraitSet","event_time":"2022-07-04T07:50:52.497Z","from_account":"user_42","profile":{"nick":"***","gender":"male"},"custom":{"Data":"***"}}`),
		}
		if e.State == stateDead || e.State == stateWaiting && n > 3 {
			e.Attempts, e.LastError, e.Last = 5, "400 Bad Request", now.Add(-time.Minute)
			if e.State == stateWaiting {
				e.Due, e.LastError = now.Add(42*time.Second), "dial tcp 10.0.0.7:8080: connect: connection refused"
			}
			for a := range 5 {
				e.History = append(e.History, attemptInfo{At: now.Add(time.Duration(a-20) * time.Minute), Took: 12 * time.Millisecond, Error: e.LastError, Answer: `{"error":"unknown field level"}`})
			}
		}
		f.events["default"] = append(f.events["default"], e)
	}
	return f
}

// nasty are values that want to break out, or break the layout.
var nasty = []string{
	`"><script>alert(1)</script>`, `'><img src=x onerror=alert(1)>`, "</td></tr></table>", "</script><script>alert(1)//", "{{.}}", "javascript:alert(1)",
	"line\nbreak\r\nand\ttab", "\u202Egnp.exe", "\u2066\u2067\u2068right\u200Fto\u200Eleft", "nul\x00bell\x07escape\x1b[31m", "bad\xff\xfeutf8\xed\xa0\x80",
	strings.Repeat("W", 128), strings.Repeat("شيء", 20), "Z̴̧͚̦͑a̸̡͇̓l̵̳͠g̶̙̈́o̷͙͌" + strings.Repeat("\u0335\u0360\u0301", 20), "👨‍👩‍👧‍👦 家族\u2028second", "data: x\nevent: y\nid: 9", "\u200b\ufeff\U000E0041", "小明", " ", "-rf", "id=1&lang=zh#x", `a\b/c//d`,
}

// hostile is a source with such a value in every field.
func hostile() *fake {
	f := &fake{events: make(map[string][]eventInfo), broken: make(map[string]bool)}
	for n, s := range nasty {
		f.add(callbackInfo{Time: now.Add(-time.Duration(len(nasty)-n) * time.Second), App: s, Command: s, Subject: s, ID: s, ClientIP: s, Result: "ok", Detail: s, Status: 200, Queue: s,
			Delivery: &deliveryInfo{State: stateRetried, LastError: s, Attempts: 1 << 40, Last: now, Next: now}})
		f.add(callbackInfo{Time: now.Add(-time.Duration(len(nasty)-n) * time.Second), App: s, Command: s, Subject: s, ClientIP: s, Result: "bad_query", Detail: s, Status: 400, Took: 99 * time.Second})
		f.events[s] = []eventInfo{
			{Queue: s, State: stateDead, ID: s, App: s, Command: s, Subject: s, Lane: s, Received: now, Last: now, LastError: s, Attempts: 1 << 40, Payload: []byte(s), History: []attemptInfo{{At: now, Took: time.Hour, Error: s, Answer: s}}},
			{Queue: s, State: stateWaiting, ID: s, App: s, Command: s, Subject: s, Lane: s, Received: now, Due: now.Add(time.Hour), Last: now, LastError: s, Attempts: 3},
		}
		f.queues = append(f.queues, queueInfo{Name: s, Store: s, Waiting: 1 << 40, Dead: 1 << 40, Bytes: 1 << 60, MaxBytes: 1 << 60, Error: s, Spooled: 1 << 40, Oldest: now.Add(-1e6 * time.Hour), Node: &nodeInfo{ID: s}})
	}
	return f
}
