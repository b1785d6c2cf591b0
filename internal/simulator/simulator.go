// Package simulator sends one or many callbacks in the way Tencent does, and reports the
// outcome.
package simulator

import (
	"context"
	"net/http"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

// Simulator sends callbacks to one URL.
type Simulator struct {
	Sender   *tencent.Sender
	URL      string
	Callback callback.Request // Command, Body and Time are set for each callback

	// Next returns the command and the body of the next callback. It must be safe for
	// concurrent use.
	Next func() (command string, body []byte)

	Load Load
}

// Attempt is a callback that was sent, and its answer.
type Attempt struct {
	Command  string
	URL      string // Sign is redacted
	Header   http.Header
	Body     []byte
	Exchange *tencent.Exchange
	Verdict  tencent.Verdict
}

// Run sends the callbacks and adds each of them to tally. When ctx is done, it sends no more
// callbacks, waits for outstanding answers for as long as Tencent would wait, and returns. It
// returns an error only if the URL is not valid.
func (s *Simulator) Run(ctx context.Context, tally *Tally) error {
	if _, err := callback.NewRequest(ctx, s.URL, s.Callback); err != nil {
		return err
	}
	tally.start()
	defer tally.stop()
	s.Load.Run(ctx, func() { tally.add(s.send(context.WithoutCancel(ctx))) })
	return nil
}

func (s *Simulator) send(ctx context.Context) Attempt {
	request := s.Callback
	request.Command, request.Body = s.Next()
	r, err := callback.NewRequest(ctx, s.URL, request)
	if err != nil {
		panic(err) // cannot happen: Run has made such a request before
	}
	a := Attempt{Command: request.Command, URL: tencent.RedactURL(r.URL), Header: r.Header, Body: request.Body}
	a.Exchange = s.Sender.Send(r)
	a.Verdict = a.Exchange.JudgeCallback(request.Command, request.Body)
	return a
}
