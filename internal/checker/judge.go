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

	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// reaction is what an endpoint made of a callback.
type reaction int

const (
	unclear reaction = iota
	accepted
	refused
)

// send sends a callback, a second time if a connection that was kept alive turned
// out to be closed: that says nothing about the callback.
func (s *session) send(sender *tencent.Sender, r *http.Request) *tencent.Exchange {
	x := sender.Send(r)
	if x.Err == nil || x.Status != 0 || !x.Reused || s.ctx.Err() != nil || isTimeout(x) || r.GetBody == nil {
		return x
	}
	r.Body, _ = r.GetBody() // of a bytes.Reader: it never fails
	return sender.Send(r)
}

func isTimeout(x *tencent.Exchange) bool { return errors.Is(x.Err, context.DeadlineExceeded) }

// judge says what the endpoint made of a callback, and by which sign. Accepted is
// a 2xx that says OK or, where the endpoint never says so, what it said to the first
// genuine callback; FAIL with status 200 is a refusal.
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
		return refused, status + ", which may be a breakdown rather than a refusal"
	case x.Status < 200 || x.Status >= 300:
		return refused, status
	case x.Err != nil:
		return unclear, status + ", but the answer broke off"
	case says == profile.StatusOK:
		return accepted, status + " with ActionStatus OK"
	case says == profile.StatusFail:
		return refused, status + " with FAIL, which counts as a refusal"
	case s.saysOK:
		return refused, status + " without OK, which counts as a refusal"
	case s.accepted && !bytes.Equal(x.Body, s.genuine[0].Body):
		return unclear, status + " with neither OK nor FAIL, but not as to the first genuine callback"
	default:
		return accepted, status
	}
}

// status describes a response, with what it says is wrong.
func (s *session) status(x *tencent.Exchange, says string) string {
	text := strings.TrimSpace(fmt.Sprintf("%d %s", x.Status, http.StatusText(x.Status)))
	var a struct{ ErrorInfo string }
	if says == profile.StatusFail && json.Unmarshal(x.Body, &a) == nil && a.ErrorInfo != "" {
		text += " (" + s.clean(a.ErrorInfo) + ")"
	}
	return text
}

// said returns the ActionStatus of a body, also of one that is not quite well-formed.
func said(body []byte) string {
	var a struct{ ActionStatus string }
	_ = json.Unmarshal(body, &a) // an ErrorCode of another type is none of our business here
	for _, status := range []string{profile.StatusOK, profile.StatusFail} {
		if strings.EqualFold(a.ActionStatus, status) {
			return status
		}
	}
	return ""
}

var hexadecimal = regexp.MustCompile(`[0-9A-Fa-f]{32,}`)

// clean makes a text of the endpoint or of an error fit to be shown: on one line,
// not long, and without the token, Signs and the callback URL's own parameters, which
// an endpoint may repeat.
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
