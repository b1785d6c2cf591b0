package commandtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// operated is a running Caddy with queues, each with a path of its name, and a
// backend that refuses everything at first.
type operated struct {
	t      *testing.T
	dir    string
	admin  string // address of its admin endpoint
	client adminapi.Client
	site   string
	status atomic.Int32 // of the backend
}

// operate starts a Caddy whose admin endpoint is at an address, and waits for it.
func operate(t *testing.T, admin string, queues ...string) *operated {
	t.Helper()
	o := &operated{t: t, dir: t.TempDir(), admin: admin, client: adminapi.Client{Address: admin}, site: freeAddress(t)}
	o.status.Store(http.StatusNotFound)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(int(o.status.Load()))
	}))
	t.Cleanup(backend.Close)
	var config strings.Builder
	fmt.Fprintf(&config, "{\n\tadmin %s\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n}\nhttp://%s {\n", admin, o.site)
	for _, name := range queues {
		fmt.Fprintf(&config, "\ttim_callback /%s 1400000000 xxxxyyyy {\n\t\tallow_http\n\t\tqueue %[1]s {\n\t\t\tstore file %s\n"+
			"\t\t\tdeliver {\n\t\t\t\treverse_proxy %s\n\t\t\t}\n\t\t\tretry 1ms 2ms\n\t\t}\n\t}\n",
			name, filepath.Join(o.dir, name+".db"), backend.Listener.Addr())
	}
	config.WriteString("}\n")
	if err := os.WriteFile(o.caddyfile(), []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := caddy(t, o.dir, "run", "--config", o.caddyfile())
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("Caddy's log:\n%s", log.String())
		}
	})
	eventually(t, "Caddy answers", func() bool {
		conn, err := net.Dial("tcp", o.site)
		if err == nil {
			conn.Close()
		}
		if err == nil {
			_, err = o.client.Queues()
		}
		return err == nil
	})
	return o
}

func (o *operated) caddyfile() string { return filepath.Join(o.dir, "Caddyfile") }

// send sends callbacks about the profiles of users to a queue.
func (o *operated) send(queue string, users ...string) {
	o.t.Helper()
	for _, user := range users {
		body, _ := json.Marshal(map[string]any{
			"CallbackCommand": profile.Command, "From_Account": user, "EventTime": 1656921052497,
			"ProfileItem": []map[string]string{{"Tag": "Tag_Profile_IM_Nick", "Value": "a <secret> nick"}},
		})
		r, err := profile.NewRequest(o.t.Context(), "http://"+o.site+"/"+queue, profile.Callback{
			SDKAppID: "1400000000", Token: "xxxxyyyy", Body: body,
		})
		if err != nil {
			o.t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			o.t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			o.t.Fatalf("status %d", resp.StatusCode)
		}
	}
}

// queue runs a queue command about this Caddy.
func (o *operated) queue(args ...string) result {
	o.t.Helper()
	return run(o.t, append([]string{"tim-callback", "queue", "--address", o.admin}, args...)...)
}

// dead waits until a queue has n dead letters and nothing else.
func (o *operated) dead(queue string, n int) {
	o.t.Helper()
	eventually(o.t, fmt.Sprintf("queue %s has %d dead letters and nothing else", queue, n), func() bool {
		q := queueState(o.t, o.client, queue)
		return q.Dead == n && q.Waiting+q.InFlight == 0
	})
}

// queueState asks for the state of a queue that is there.
func queueState(t *testing.T, client adminapi.Client, name string) adminapi.Queue {
	t.Helper()
	queues, err := client.Queues()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(queues, func(q adminapi.Queue) bool { return q.Name == name })
	if i < 0 {
		t.Fatalf("no queue %s in %+v", name, queues)
	}
	return queues[i]
}

func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("it never came that %s", what)
		}
	}
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
