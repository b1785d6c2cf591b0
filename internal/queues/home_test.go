package queues_test

import (
	"fmt"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

func TestMain(m *testing.M) { caddytest.Main(m) }

// TestTwoCaddysWithOneHome lets a second Caddy find the queue of the first one: with no
// queue of its own it says whose queue that is, with the same queue it does not start.
func TestTwoCaddysWithOneHome(t *testing.T) {
	home := t.TempDir()
	const queue = "queue {\n\t\t\tdeliver {\n\t\t\t\trespond 204\n\t\t\t}\n\t\t}"
	start := func(options string) (*caddytest.Process, string) {
		address := caddytest.FreeLocalhost()
		return caddytest.StartProcess(t, home, fmt.Sprintf("{\n\tadmin off\n\tpersist_config off\n}\nhttp://%s {\n\ttim_callback 1400000000 xxxxyyyy {\n\t\tallow_http\n\t\t%s\n\t}\n}\n",
			address, options)), address
	}
	_, address := start(queue)
	caddytest.Eventually(t, func() bool { return caddytest.Accepts(address) }, "the first Caddy serves")

	holder := regexp.MustCompile(`another process has it open \([^ ]+, process \d+\), and delivers its events: stop that process`)
	if runtime.GOOS != "linux" {
		holder = regexp.MustCompile(`another process has it open, and delivers`)
	}
	second, _ := start("answer ack")
	caddytest.Eventually(t, func() bool {
		return strings.Contains(second.Log(), "another Caddy with the same data directory") && holder.MatchString(second.Log())
	}, "there is a warning of the other Caddy's queue")
	if strings.Contains(second.Log(), "cannot be read") {
		t.Error("the other Caddy's queue is said to be unreadable")
	}
	second.Stop()

	third, _ := start(queue)
	if code := third.Wait(); code == 0 {
		t.Error("a second Caddy with the same queue was started, and stopped")
	}
	if !holder.MatchString(third.Log()) {
		t.Errorf("it wrote:\n%s", third.Log())
	}
}
