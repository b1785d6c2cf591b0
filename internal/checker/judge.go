package checker

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

// reaction says whether an endpoint accepted or refused a callback.
type reaction int

const (
	unclear reaction = iota
	accepted
	refused
)

// send sends a callback. If a connection that was kept alive turns out to be closed, it sends
// the callback a second time, since the closed connection proves nothing about the callback.
func (s *session) send(sender *tencent.Sender, r *http.Request) *tencent.Exchange {
	x := sender.Send(r)
	if x.Err == nil || x.Status != 0 || !x.Reused || s.ctx.Err() != nil || isTimeout(x) || r.GetBody == nil {
		return x
	}
	r.Body, _ = r.GetBody() // the body is a bytes.Reader, so GetBody never fails
	return sender.Send(r)
}

func isTimeout(x *tencent.Exchange) bool { return errors.Is(x.Err, context.DeadlineExceeded) }

// judge says whether the endpoint accepted a callback, and how that can be seen. A callback
// is accepted if the status is 2xx and the answer says OK. If the endpoint never says OK, it is
// accepted if the answer is the same as to the first genuine callback. An answer with status
// 200 that says FAIL is a refusal.
func (s *session) judge(x *tencent.Exchange) (reaction, string) {
	says := ""
	if x.Err == nil {
		says = said(x.Body)
	}
	switch status := s.status(x, says); {
	case s.ctx.Err() != nil:
		return unclear, s.ended()
	case x.Status == 0 && isTimeout(x):
		return unclear, fmt.Sprintf("no answer within %v", s.Wait)
	case x.Status == 0:
		return refused, "no answer: " + s.clean(x.Err.Error())
	case x.Status == http.StatusTooManyRequests:
		return unclear, status + ": a rate limit"
	case x.Status >= 500:
		return refused, status + ", which may be a crash instead of a refusal"
	case x.Status < 200 || x.Status >= 300:
		return refused, status
	case x.Err != nil:
		return unclear, status + ", but the answer ended early"
	case says == callback.StatusOK:
		return accepted, status + " with ActionStatus OK"
	case says == callback.StatusFail:
		return refused, status + " with FAIL, which counts as a refusal"
	case s.saysOK:
		return refused, status + " without OK, which counts as a refusal"
	case s.accepted && !bytes.Equal(x.Body, s.genuine[0].Body):
		return unclear, status + " with neither OK nor FAIL, and with another body than for the first genuine callback"
	default:
		return accepted, status
	}
}

// status describes a response: its status and, if it says FAIL, its ErrorInfo.
func (s *session) status(x *tencent.Exchange, says string) string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", x.Status, http.StatusText(x.Status)))
	var a struct{ ErrorInfo string }
	if says == callback.StatusFail && json.Unmarshal(x.Body, &a) == nil && a.ErrorInfo != "" {
		text += " (" + s.clean(a.ErrorInfo) + ")"
	}
	return text
}

// said returns the ActionStatus of a body: OK, FAIL or "". Other members need not be valid.
func said(body []byte) string {
	var a struct{ ActionStatus string }
	_ = json.Unmarshal(body, &a)
	for _, status := range []string{callback.StatusOK, callback.StatusFail} {
		if strings.EqualFold(a.ActionStatus, status) {
			return status
		}
	}
	return ""
}

var hexadecimal = regexp.MustCompile(`[0-9A-Fa-f]{32,}`)

// clean makes a text from the endpoint or from an error safe to print: on one line, not too
// long, and without control characters. The token, Signs and the callback URL's own
// parameters are removed, since an endpoint may repeat them.
func (s *session) clean(text string) string {
	for _, secret := range []string{s.Token, s.url.RawQuery} {
		if secret != "" {
			text = strings.ReplaceAll(text, secret, "…")
		}
	}
	text = hexadecimal.ReplaceAllString(text, "…")
	text = strings.Join(strings.Fields(console.Line(text)), " ")
	const most = 160
	if runes := []rune(text); len(runes) > most {
		text = string(runes[:most]) + "…"
	}
	return text
}
