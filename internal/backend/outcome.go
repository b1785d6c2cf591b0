package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// Outcome tells whether the next handlers have taken a callback.
type Outcome struct {
	Answer  []byte // their callback answer, if they gave a valid one
	Fail    bool   // that answer's ActionStatus is FAIL
	Late    bool   // they did not answer within the budget
	Problem string // why they have not taken the callback; "" if they have
	Err     error  // with which they ended; for the log
}

// Taken reports whether the handlers have taken the callback. An answer with FAIL is
// their decision, and counts as taken.
func (o *Outcome) Taken() bool { return o.Problem == "" }

// Ask hands a request to the next handlers, whose budget is the deadline of its
// context, and tells the outcome.
func Ask(next caddyhttp.Handler, r *http.Request) Outcome {
	ctx := r.Context()
	response := NewResponse()
	err := Call(next, response, r)
	return outcomeOf(response, err, errors.Is(ctx.Err(), context.DeadlineExceeded))
}

// outcomeOf judges a response and how the handlers ended. late tells whether their
// budget was spent by then.
func outcomeOf(response *Response, err error, late bool) Outcome {
	o := Outcome{Err: err}
	switch status := response.Status; {
	case status == StatusClientClosed:
		o.Problem = "the request was cancelled"
	case status != 0 && (status < 200 || status >= 300):
		o.Problem = fmt.Sprintf("the backend answered with status %d", status)
	case response.Overflow:
	case late && (err != nil || status == 0):
		o.Late, o.Problem = true, "the backend did not answer in time"
	case err != nil:
		o.Problem = "the backend could not be reached, or its response broke off"
	case status == 0:
		o.Problem = "no handler after tim_callback answers"
	case status == http.StatusOK:
		if answer, err := callback.ParseAnswer(response.Body); err == nil {
			o.Answer, o.Fail = response.Body, answer.ActionStatus == callback.StatusFail
		}
	}
	return o
}
