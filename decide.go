package timcallback

import (
	"net/http"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/backend"
)

// decide hands a callback that asks for a decision to the next handlers, and passes their
// answer on to Tencent. It is never stored and never tried again.
func (h *Handler) decide(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, x *exchange) {
	h.handOver(w, r, next, x, x.deadline, func(o backend.Outcome) reply { return h.settleDecision(x, o) })
}

// settleDecision tells what Tencent is answered: the decision as the handlers gave it, or
// else what the policy for undecided callbacks says.
func (h *Handler) settleDecision(x *exchange, o backend.Outcome) reply {
	if o.Answer != nil {
		if e := h.logger.Check(zapcore.DebugLevel, "callback decided"); e != nil {
			e.Write(x.identity()...)
		}
		return reply{http.StatusOK, o.Answer}
	}
	problem := o.Problem
	if o.Taken() {
		problem = "the response of the backend is not a callback answer"
	}
	undecided := failure(o)
	x.result, x.undecided = resultOf(undecided.status), true
	policy := h.policy(x.query.Command)
	if neutral, ok := x.event.Neutral(policy); ok {
		undecided = reply{http.StatusOK, neutral}
	} else {
		policy = callback.PolicyError // this command has no other answer
	}
	h.logProblem(x, "callback undecided", problem, o.Err, zap.String("policy", string(policy)))
	return undecided
}
