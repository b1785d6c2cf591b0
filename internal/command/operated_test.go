package command_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// operated is a running Caddy with queues and a backend. The path of each callback URL is
// the name of its queue. At first the backend refuses all events, except those of users
// whose UserID ends with [caddytest.TakenUser].
type operated struct {
	t       *testing.T
	dir     string
	admin   string // address of its admin endpoint
	client  adminapi.Client
	site    string
	backend *caddytest.Backend
	taken   int // how many events of such users were sent
}

// operate starts a Caddy with an admin endpoint at this address, and waits until it answers.
func operate(t *testing.T, admin string, queues ...string) *operated {
	t.Helper()
	o := &operated{
		t: t, dir: t.TempDir(), admin: admin, client: adminapi.Client{Address: admin},
		site: caddytest.FreeAddress(), backend: caddytest.StartBackend(t),
	}
	o.backend.Answer(http.StatusNotFound)
	var config strings.Builder
	fmt.Fprintf(&config, "{\n\tadmin %s\n\tpersist_config off\n\tlog {\n\t\tlevel ERROR\n\t}\n}\nhttp://%s {\n", admin, o.site)
	for _, name := range queues {
		fmt.Fprintf(&config, "\ttim_callback /%s 1400000000 xxxxyyyy {\n\t\tallow_http\n\t\tqueue %[1]s {\n\t\t\tstore file %s\n"+
			"\t\t\tdeliver {\n\t\t\t\treverse_proxy %s\n\t\t\t}\n\t\t\tretry 1ms 2ms\n\t\t}\n\t}\n",
			name, filepath.Join(o.dir, name+".db"), o.backend.Address)
	}
	config.WriteString("}\n")
	if err := os.WriteFile(o.caddyfile(), []byte(config.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	caddytest.StartProcess(t, o.dir, config.String())
	caddytest.Eventually(t, func() bool {
		_, err := o.client.Queues()
		return err == nil && caddytest.Accepts(o.site)
	}, "Caddy answers")
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
		r, err := callback.NewRequest(o.t.Context(), "http://"+o.site+"/"+queue, callback.Request{
			SDKAppID: "1400000000", Command: profile.Command, Token: "xxxxyyyy", Body: body,
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

// queue runs a queue command for this Caddy.
func (o *operated) queue(args ...string) caddytest.Result {
	o.t.Helper()
	return caddytest.Run(o.t, append([]string{"tim-callback", "queue", "--address", o.admin}, args...)...)
}

// dead waits until a queue has n dead letters and no other events. It sends events that the
// backend accepts, because refusals make dead letters only while other events are accepted.
func (o *operated) dead(queue string, n int) {
	o.t.Helper()
	caddytest.Eventually(o.t, func() bool {
		q := caddytest.QueueOf(o.t, o.client, queue)
		if q.Dead == n && q.Waiting+q.InFlight == 0 {
			return true
		}
		o.taken++
		o.send(queue, fmt.Sprint(o.taken, caddytest.TakenUser))
		return false
	}, "queue %s has %d dead letters and nothing else", queue, n)
}
