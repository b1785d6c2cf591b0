package inspector

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// follow opens a live view, and returns a function that reads its next event.
func follow(t *testing.T, url string, headers ...string) (next func() map[string]string, end func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		resp.Body.Close()
	})
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Fatalf("%d %v", resp.StatusCode, resp.Header)
	}
	lines := bufio.NewReader(resp.Body)
	return func() map[string]string {
		event := make(map[string]string)
		for {
			line, err := lines.ReadString('\n')
			switch line = strings.TrimSuffix(line, "\n"); {
			case err != nil:
				event["end"] = err.Error()
				return event
			case line == "":
				return event
			}
			name, value, _ := strings.Cut(line, ": ")
			event[name] += value
		}
	}, cancel
}

func TestStream(t *testing.T) {
	f := busy()
	site := serveFake(t, f)
	next, _ := follow(t, site+"stream?after=238&lang=zh")
	if e := next(); e["id"] != "238" || e["data"] != "" {
		t.Errorf("it begins with %v", e)
	}
	for _, want := range []string{"239", "240"} {
		if e := next(); e["id"] != want || !strings.HasPrefix(e["data"], `<tr role="row">`) || !strings.Contains(e["data"], "毫秒") {
			t.Errorf("%v, want the row of %s", e, want)
		}
	}
	for _, s := range nasty {
		f.add(callbackInfo{Time: now, Command: s, Subject: s, ID: s, Result: "ok", Delivery: &deliveryInfo{State: stateDead, LastError: s}})
		e := next()
		if len(e) != 2 || e["data"] == "" {
			t.Fatalf("%q made the event %v", s, e)
		}
		checkRow(t, e["data"])
	}
}

func checkRow(t *testing.T, row string) {
	t.Helper()
	checkPage(t, "a row", `<script src="./"></script><table><tbody>`+row+"</tbody></table>")
}

func TestStreamFilter(t *testing.T) {
	f := new(fake)
	next, _ := follow(t, serveFake(t, f)+"stream?result=refused&subject=me")
	next()
	f.add(callbackInfo{Time: now, Subject: "me", Result: "ok"})
	f.add(callbackInfo{Time: now, Subject: "other", Result: "bad_sign"})
	f.add(callbackInfo{Time: now, Subject: "me", Result: "bad_sign"})
	if e := next(); e["id"] != "3" {
		t.Error(e)
	}
}

func TestStreamAgain(t *testing.T) {
	f := busy()
	site := serveFake(t, f)
	for _, tc := range []struct{ after, last, want string }{{"1", "239", "239"}, {"9999", "", "240"}, {"x", "", "240"}, {"", "", "240"}, {"239", "x", "240"}} {
		next, end := follow(t, site+"stream?after="+tc.after, "Last-Event-ID", tc.last)
		if e := next(); e["id"] != tc.want {
			t.Errorf("after %q and %q: %v, want %s", tc.after, tc.last, e, tc.want)
		}
		end()
	}
}

// TestStreamStorm has more callbacks than anybody can look at.
func TestStreamStorm(t *testing.T) {
	f := busy()
	next, _ := follow(t, serveFake(t, f)+"stream?after=0")
	next()
	if e := next(); e["event"] != "skipped" || e["data"] != "40" {
		t.Errorf("%v, want that 40 are skipped", e)
	}
	if e := next(); e["id"] != "41" {
		t.Error(e)
	}
}

// TestStreamEnds has a live view end when its configuration stops, and does not open too many.
func TestStreamEnds(t *testing.T) {
	i := newInspector(busy())
	site := serveInspector(t, i)
	next, _ := follow(t, site+"stream")
	next()
	i.end()
	if e := next(); e["end"] != "EOF" {
		t.Errorf("%v, want its end", e)
	}
	streams.Add(maxStreams)
	defer streams.Add(-maxStreams)
	resp, err := http.Get(site + "stream")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one too many: %d", resp.StatusCode)
	}
}

func TestStreamHeartbeat(t *testing.T) {
	pulseBefore, heartbeatBefore := pulse, heartbeat
	defer func() { pulse, heartbeat = pulseBefore, heartbeatBefore }()
	pulse, heartbeat = time.Millisecond, 5*time.Millisecond
	f := busy()
	i := newInspector(f)
	next, end := follow(t, serveInspector(t, i)+"stream?subject=nobody")
	next()
	f.add(callbackInfo{Time: now, Subject: "other", Result: "ok"})
	for n := 0; ; n++ {
		if e := next(); e[""] == "heartbeat" && e["id"] == "241" {
			break
		}
		if n > 1000 {
			t.Fatal("no heartbeat")
		}
	}
	end()
	i.end()
	for streams.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
}
