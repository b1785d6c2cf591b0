package command_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestQueueListOfNodes has columns for what only some queues have, and says where the counts come from.
func TestQueueListOfNodes(t *testing.T) {
	const (
		file   = `{"name":"a","store":"file","waiting":1,"in_flight":2,"dead":3}`
		shared = `{"name":"b","store":"postgres","waiting":10,"in_flight":20,"dead":30,"node":{"id":"edge-1","partitions":32,"nodes":2,"up":true,"waiting":1,"in_flight":2}}`
		down   = `{"name":"c","store":"postgres","waiting":1,"in_flight":0,"dead":0,"spooled":7,"error":"no\nconnection","node":{"id":"edge-1","partitions":0,"nodes":2,"up":false}}`
	)
	for _, tc := range []struct{ answer, stdout, stderr string }{
		{
			file, "NAME  STORE  WAITING  IN FLIGHT  DEAD  SIZE  OLDEST\n" +
				"a     file         1          2     3   0 B       -\n", "",
		},
		{
			file + "," + shared, "NAME  STORE     WAITING  IN FLIGHT  DEAD  SIZE  OLDEST  NODE    PARTITIONS  NODES  UP\n" +
				"a     file            1          2     3   0 B       -  -                -      -  -\n" +
				"b     postgres       10         20    30   0 B       -  edge-1          32      2  yes\n", "",
		},
		{
			down, "NAME  STORE     WAITING  IN FLIGHT  DEAD  SPOOLED  SIZE  OLDEST  NODE    PARTITIONS  NODES  UP\n" +
				"c     postgres        1          0     0        7   0 B       -  edge-1           0      2  no\n",
			"queue c: only what this node knows of is counted: no connection\n",
		},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, "["+tc.answer+"]")
		}))
		r := caddytest.Run(t, "tim-callback", "queue", "list", "--address", server.Listener.Addr().String())
		server.Close()
		if r.Code != 0 || r.Stdout != tc.stdout || r.Stderr != tc.stderr {
			t.Errorf("got %d\n%s%s\nwant\n%s%s", r.Code, r.Stdout, r.Stderr, tc.stdout, tc.stderr)
		}
	}
}
