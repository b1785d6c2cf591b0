package nodes

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
)

const (
	sdkAppID = "1400000000"
	token    = "xxxxyyyy"
)

// node is a Caddy process. It can be started again and again.
type node struct {
	t       *testing.T
	name    string
	dir     string
	proxies []*pgtest.Proxy // by which it reaches the servers
	backend string
	port    int
	admin   int

	// what is in its Caddyfile, see there
	store   string // instead of `store postgres …`
	spool   string
	lease   time.Duration
	workers int
	timeout string
	retry   string
	more    string // further directives of the queue
	sites   string // further sites

	serving atomic.Bool // whether users send to it
	run     int         // how often it was started or reloaded, which the backend is told
	cmd     *exec.Cmd
	exited  chan struct{}
}

func (n *node) dsn() string {
	hosts := make([]string, len(n.proxies))
	for i, p := range n.proxies {
		hosts[i] = p.Addr()
	}
	return pgtest.DSNAt(strings.Join(hosts, ","), "postgres", "", "postgres")
}

func (n *node) caddyfile() string {
	store := fmt.Sprintf("store postgres %s {\nlease %s\n%s\n}", n.dsn(), n.lease, n.spool)
	return fmt.Sprintf(`{
	admin localhost:%d
	persist_config off
	grace_period 5s
	metrics
}
http://localhost:%d {
	tim_callback /im/callback %s %s {
		allow_http
		queue {
			%s
			deliver {
				reverse_proxy %s {
					header_up X-Node %s/%d
				}
			}
			workers %d
			timeout %s
			retry %s
			%s
		}
	}
}
%s
`, n.admin, n.port, sdkAppID, token, cmp.Or(n.store, store), n.backend, n.name, n.run, n.workers, n.timeout, n.retry, n.more, n.sites)
}

// launch starts the process, and does not wait until it serves.
func (n *node) launch() {
	n.t.Helper()
	n.run++
	config := filepath.Join(n.dir, "Caddyfile")
	if err := os.WriteFile(config, []byte(n.caddyfile()), 0o600); err != nil {
		n.t.Fatal(err)
	}
	log, err := os.OpenFile(n.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(os.Args[0], "run", "--adapter", "caddyfile", "--config", config)
	cmd.Env = append(os.Environ(), caddytest.AsCaddy+"=1", "GORACE=atexit_sleep_ms=0", "HOME="+n.dir, "XDG_DATA_HOME="+n.dir, "XDG_CONFIG_HOME="+n.dir)
	cmd.Stdout, cmd.Stderr = log, log
	dieWithTest(cmd)
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	exited := make(chan struct{})
	n.cmd, n.exited = cmd, exited
	go func() {
		_ = cmd.Wait()
		close(exited)
	}()
}

// start starts the process, waits until it serves, and lets users send to it.
func (n *node) start() {
	n.t.Helper()
	n.launch()
	caddytest.Eventually(n.t, func() bool {
		select {
		case <-n.exited:
			n.t.Fatalf("node %s has ended: %s", n.name, n.cmd.ProcessState)
		default:
		}
		_, err := n.state()
		return err == nil && caddytest.Accepts(fmt.Sprint("localhost:", n.port))
	}, "node %s serves", n.name)
	n.serving.Store(true)
}

func (n *node) signal(signal os.Signal) {
	n.t.Helper()
	if err := n.cmd.Process.Signal(signal); err != nil {
		n.t.Fatalf("node %s: %v", n.name, err)
	}
}

// kill kills the process, if it runs.
func (n *node) kill() {
	n.serving.Store(false)
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill()
	<-n.exited
	n.cmd = nil
}

// stop asks the process to end, and waits for that.
func (n *node) stop() {
	n.t.Helper()
	n.serving.Store(false)
	n.signal(syscall.SIGTERM)
	select {
	case <-n.exited:
	case <-time.After(30 * time.Second):
		n.t.Fatalf("node %s does not end", n.name)
	}
	if code := n.cmd.ProcessState.ExitCode(); code != 0 {
		n.t.Errorf("node %s has ended with %d", n.name, code)
	}
	n.cmd = nil
}

// reload loads the current configuration.
func (n *node) reload() {
	n.t.Helper()
	n.run++
	resp, err := adminClient.Post(fmt.Sprintf("http://localhost:%d/load", n.admin), "text/caddyfile", strings.NewReader(n.caddyfile()))
	if err != nil {
		n.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		n.t.Fatalf("%s: %s, %v", resp.Status, text, err)
	}
}

// adminClient uses each connection only once, since a reload closes them.
var adminClient = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func (n *node) api() adminapi.Client {
	return adminapi.Client{Address: fmt.Sprint("localhost:", n.admin)}
}

// state returns the state of the queue, from the admin API.
func (n *node) state() (adminapi.Queue, error) {
	queues, err := n.api().Queues()
	if err == nil && len(queues) != 1 {
		err = fmt.Errorf("%d queues", len(queues))
	}
	if err != nil {
		return adminapi.Queue{}, err
	}
	return queues[0], nil
}

// until waits until the state of the queue is as it should be.
func (n *node) until(limit time.Duration, is func(adminapi.Queue) bool, format string, args ...any) {
	n.t.Helper()
	var last adminapi.Queue
	caddytest.Within(n.t, limit, func() bool {
		state, err := n.state()
		if err == nil {
			last = state
		}
		return err == nil && is(state)
	}, "%s on node %s: %s", fmt.Sprintf(format, args...), n.name, shown{&last})
}

// shown formats what a pointer leads to when it is needed.
type shown struct{ value any }

func (s shown) String() string {
	text, _ := json.Marshal(s.value)
	return string(text)
}

// untilOwns waits until the node delivers some partitions, and it and the others know each other.
func (n *node) untilOwns(nodes int) {
	n.t.Helper()
	n.until(30*time.Second, func(q adminapi.Queue) bool { return q.Node != nil && q.Node.Nodes == nodes && q.Node.Partitions > 0 }, "it delivers as one of %d", nodes)
}

// untilAll waits until the node delivers all partitions.
func (n *node) untilAll() {
	n.t.Helper()
	n.until(30*time.Second, func(q adminapi.Queue) bool { return q.Node != nil && q.Node.Partitions == 64 }, "it delivers everything")
}

// untilIdle waits until nothing is left to deliver, on any node.
func (n *node) untilIdle() {
	n.t.Helper()
	n.until(60*time.Second, func(q adminapi.Queue) bool { return q.Error == "" && q.Waiting+q.InFlight+q.Spooled == 0 }, "nothing is left to deliver")
}

// spooled returns how many events the node keeps on its own disk.
func (n *node) spooled() int {
	n.t.Helper()
	state, err := n.state()
	if err != nil {
		n.t.Fatal(err)
	}
	return state.Spooled
}

func (n *node) log() string { return filepath.Join(n.dir, "log") }

// endOfLog returns the end of what the node has written.
func (n *node) endOfLog() string {
	text, _ := os.ReadFile(n.log())
	return string(text[max(0, len(text)-6000):])
}
