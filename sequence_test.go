package timcallback

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

// TestSequence: a delivery has the number of its event in the queue, which is the same for every attempt
// and greater for later events. A client cannot set it.
func TestSequence(t *testing.T) {
	backend := caddytest.StartBackend(t)
	backend.Answer(http.StatusServiceUnavailable)
	e := caddytest.StartEdge(t, "tim_callback 1400000000 xxxxyyyy {\nbody original\n"+caddytest.QueueBlock(t.TempDir(), backend.Address, "")+"\n}")
	for n := range 3 {
		r, err := http.NewRequest(http.MethodPost, e.URL()+"?"+caddytest.SignedQuery(), strings.NewReader(caddytest.BodyOf("a", n)))
		if err != nil {
			t.Fatal(err)
		}
		r.Header = http.Header{"Content-Type": {"application/json"}, "Ce-Sequence": {"99"}, "Ce_sequence": {"99"}}
		resp, err := e.Client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	caddytest.Eventually(t, func() bool { requests, _ := backend.Got(); return len(requests) >= 2 }, "it is not tried again")
	backend.Answer(http.StatusOK)
	caddytest.WaitEmpty(t, "default")
	requests, _ := backend.Got()
	var got []string
	for _, r := range requests {
		if r.Header["Ce_sequence"] != nil || len(r.Header["Ce-Sequence"]) != 1 || r.Header.Get("Ce-Sdkappid") != sample.SDKAppID {
			t.Errorf("got %v", r.Header)
		}
		got = append(got, r.Header.Get("Ce-Sequence"))
	}
	if !slices.IsSorted(got) || got[0] != got[1] {
		t.Errorf("got %v", got)
	}
	if got = slices.Compact(got); !slices.Equal(got, []string{"00000000000000000001", "00000000000000000002", "00000000000000000003"}) {
		t.Errorf("got %v", got)
	}
}
