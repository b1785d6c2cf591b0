package admin_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/admin"
	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

// following follows a stream in the background.
type following struct {
	got  chan adminapi.Message
	end  chan error
	stop context.CancelFunc
}

func (r *remembering) follow(query url.Values, after string) *following {
	r.t.Helper()
	ctx, stop := context.WithCancel(r.t.Context())
	f := &following{make(chan adminapi.Message, 10_000), make(chan error, 1), stop}
	go func() {
		var last error
		for m, err := range r.client().Follow(ctx, query, after) {
			if last = err; err == nil {
				f.got <- m
			}
		}
		f.end <- last
	}()
	r.t.Cleanup(stop)
	if m := f.next(r.t); m.Callback != nil || m.Cursor == "" {
		r.t.Errorf("it does not begin with its position: %+v", m)
	}
	return f
}

func (f *following) next(t *testing.T) adminapi.Message {
	t.Helper()
	select {
	case m := <-f.got:
		return m
	case err := <-f.end:
		t.Fatalf("the stream ended: %v", err)
	case <-time.After(10 * time.Second):
		t.Fatal("nothing came")
	}
	return adminapi.Message{}
}

func (f *following) want(t *testing.T, subjects ...string) (last adminapi.Message) {
	t.Helper()
	for _, want := range subjects {
		if last = f.next(t); last.Callback == nil || last.Callback.Subject != want || last.Cursor != last.Callback.Cursor {
			t.Fatalf("got %+v, want %s", last, want)
		}
	}
	return last
}

func TestRecentStream(t *testing.T) {
	r := remember(t, "", acknowledging)
	r.send("before")
	all, filtered := r.follow(nil, ""), r.follow(url.Values{"subject": {"b"}}, "")
	r.send("a")
	r.send("b")
	filtered.want(t, "b")
	last := all.want(t, "a", "b")
	r.follow(url.Values{"since": {r.since}}, "").want(t, "before", "a", "b")

	r.Load(acknowledging + " # another one")
	if err := <-all.end; !errors.Is(err, adminapi.ErrEnded) {
		t.Errorf("a reload ends it with %v", err)
	}
	r.send("c")
	again := r.follow(nil, last.Cursor)
	again.want(t, "c")
	r.send("d")
	again.want(t, "d")
	r.follow(nil, "00000000-5").stop() // of a process that has gone

	again.stop()
	if err := <-again.end; err != nil {
		t.Errorf("a client that goes gets %v", err)
	}
}

// TestRecentStreamOfFailedReload keeps a stream of an endpoint that has outlived its configuration.
func TestRecentStreamOfFailedReload(t *testing.T) {
	r := remember(t, "", acknowledging)
	before := r.follow(nil, "")
	body := fmt.Sprintf(`{"admin":{"listen":%q},"apps":{"http":{"servers":{"x":{"listen":["localhost:%d"],"routes":[{"handle":[{"handler":"tim_callback"}]}]}}}}}`, r.AdminAddress, caddytest.FreePort())
	resp, err := http.Post("http://"+r.AdminAddress+"/load", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if resp.StatusCode != 400 {
		t.Fatalf("%d", resp.StatusCode)
	}
	<-before.end // the endpoint is replaced all the same
	after := r.follow(nil, "")
	r.send("a")
	after.want(t, "a")
}

func TestRecentStreamHeartbeat(t *testing.T) {
	admin.BeatEvery(t, 20*time.Millisecond)
	r := remember(t, "", acknowledging)
	f := r.follow(url.Values{"subject": {"nobody"}}, "")
	first := f.next(t)
	r.send("a")
	caddytest.Eventually(t, func() bool { return f.next(t).Cursor != first.Cursor }, "a heartbeat moves the position")
}

// TestRecentStreamLoses has a client that does not read for a while.
func TestRecentStreamLoses(t *testing.T) {
	r := remember(t, "tim_callback {\nrecent 100\n}", acknowledging)
	r.send("a")
	cursor := r.list("limit=1")[0].Cursor
	for range 150 {
		r.send("b")
	}
	f := r.follow(nil, cursor)
	m := f.next(t)
	if m.Callback != nil || m.Lost != 50 {
		t.Errorf("%+v, want 50 lost", m)
	}
	for range 100 {
		f.want(t, "b")
	}

	// a client that never reads holds nothing up, neither callbacks nor the end
	resp, err := http.Get("http://" + r.AdminAddress + "/tim_callback/recent/stream?since=1h")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	c := recent.Callback{Began: time.Now(), Command: strings.Repeat("x", 128), Subject: strings.Repeat("y", 128), Result: recent.OK}
	for range 200_000 { // more than the buffers of a connection take
		recent.Process.Add(&c)
	}
}
