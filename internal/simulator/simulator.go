// Package simulator sends callbacks as Tencent would, one or many, and tells what
// came of them.
package simulator

import (
	"context"
	"net/http"

	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// Simulator sends callbacks to one URL.
type Simulator struct {
	Sender   *tencent.Sender
	URL      string
	Callback profile.Callback // Body and Time are set for each one
	Body     func() []byte    // makes the body of the next callback
	Load     Load
}

// Attempt is a callback that was sent.
type Attempt struct {
	URL      string // without the Sign
	Header   http.Header
	Body     []byte
	Exchange *tencent.Exchange
	Verdict  tencent.Verdict
}

// Run sends the callbacks and adds each to tally. When ctx is done it sends no more,
// waits for the answers that are due, which takes no longer than Tencent would wait,
// and returns.
func (s *Simulator) Run(ctx context.Context, tally *Tally) error {
	if _, err := profile.NewRequest(ctx, s.URL, s.Callback); err != nil {
		return err
	}
	tally.start()
	defer tally.stop()
	s.Load.Run(ctx, func() { tally.add(s.send(context.WithoutCancel(ctx))) })
	return nil
}

func (s *Simulator) send(ctx context.Context) Attempt {
	callback := s.Callback
	callback.Body = s.Body()
	r, err := profile.NewRequest(ctx, s.URL, callback)
	if err != nil {
		panic(err) // Run has tried it
	}
	a := Attempt{URL: tencent.RedactURL(r.URL), Header: r.Header, Body: callback.Body}
	a.Exchange = s.Sender.Send(r)
	a.Verdict = a.Exchange.Judge()
	return a
}
