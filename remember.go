package timcallback

import (
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

// remember keeps what the request was and how it was answered among the last callbacks of
// the process.
func (x *exchange) remember(took time.Duration) {
	if !recent.Process.On() {
		return
	}
	c := recent.Callback{
		Began: x.began, Took: took,
		App: x.query.SDKAppID, Command: x.query.Command, ClientIP: x.clientIP,
		Result: x.result, Detail: x.detail, Status: x.status,
		Queue: x.queue, Stored: x.stored, Duplicate: x.duplicate, Undecided: x.undecided,
	}
	if x.decoded {
		c.Subject, c.ID = x.event.Subject(), x.event.AppendID(x.id[:0])
	}
	recent.Process.Add(&c)
}
