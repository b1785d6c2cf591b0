package backend

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

func TestOutcome(t *testing.T) {
	const fail = `{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"no"}`
	broken := errors.New("broken")
	for name, tc := range map[string]struct {
		status int
		body   string
		err    error
		late   bool

		problem string // what it says about a callback that was not taken
		answer  string
		fail    bool
		isLate  bool
	}{
		"an answer":                    {status: 200, body: string(callback.OK().JSON()), answer: string(callback.OK().JSON())},
		"an answer with FAIL":          {status: 200, body: fail, answer: fail, fail: true},
		"an answer just in time":       {status: 200, body: fail, late: true, answer: fail, fail: true},
		"an answer with status 201":    {status: 201, body: fail},
		"another body":                 {status: 200, body: "<html>"},
		"no body":                      {status: 204},
		"more than any answer":         {status: 200, body: strings.Repeat(" ", callback.MaxAnswer+1)},
		"more, and then broken":        {status: 200, body: strings.Repeat(" ", callback.MaxAnswer+1), err: broken},
		"a redirect":                   {status: 302, problem: "status 302"},
		"an error status":              {status: 500, body: fail, problem: "status 500"},
		"an error status, late":        {status: 500, late: true, problem: "status 500"},
		"cancelled":                    {status: StatusClientClosed, late: true, problem: "cancelled"},
		"broken off":                   {status: 200, body: "{", err: broken, problem: "broke off"},
		"not reached":                  {err: broken, problem: "could not be reached"},
		"nobody":                       {problem: "no handler after tim_callback answers"},
		"late":                         {err: broken, late: true, problem: "in time", isLate: true},
		"late without an error":        {late: true, problem: "in time", isLate: true},
		"late in the middle of a body": {status: 200, body: "{", err: broken, late: true, problem: "in time", isLate: true},
	} {
		t.Run(name, func(t *testing.T) {
			response := NewResponse()
			if tc.status != 0 {
				response.WriteHeader(tc.status)
			}
			_, _ = response.Write([]byte(tc.body))
			if tc.status == 0 {
				response = NewResponse()
			}
			o := outcomeOf(response, tc.err, tc.late)
			if o.Taken() != (tc.problem == "") || !strings.Contains(o.Problem, tc.problem) || string(o.Answer) != tc.answer || o.Fail != tc.fail || o.Late != tc.isLate || o.Err != tc.err {
				t.Errorf("got %+v", o)
			}
		})
	}
}

func TestResponse(t *testing.T) {
	r := NewResponse()
	r.WriteHeader(http.StatusEarlyHints)
	r.WriteHeader(http.StatusAccepted)
	r.WriteHeader(http.StatusInternalServerError)
	half := make([]byte, callback.MaxAnswer/2)
	for n := range 3 {
		if _, err := r.Write(half); (err != nil) != (n == 2) {
			t.Errorf("write %d: %v", n, err)
		}
	}
	if r.Status != http.StatusAccepted || len(r.Body) != callback.MaxAnswer || !r.Overflow {
		t.Errorf("status %d, %d bytes, overflow %v", r.Status, len(r.Body), r.Overflow)
	}
	if err := http.NewResponseController(r).Flush(); err != nil {
		t.Error(err)
	}
}
