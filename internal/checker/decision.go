package checker

import (
	"errors"
	"fmt"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

// checkDecision returns the body from --decision-body without white space around it. It
// returns an error if the command does not ask for a decision, if this cannot be the body of
// one of its callbacks, or if there is none and the command needs one.
func checkDecision(command string, body []byte) ([]byte, error) {
	if command == "" {
		if body != nil {
			return nil, errors.New("--decision-body needs --decision")
		}
		return nil, nil
	}
	if c, _ := callback.Lookup(command); c.Kind != callback.Decision {
		return nil, fmt.Errorf("--decision: %s does not ask for a decision: use --command", command)
	}
	return checkBody("decision", command, "decision-body", body)
}

// decisionBody returns the body of a callback that asks for a decision.
func (s *session) decisionBody() []byte {
	if s.DecisionBody != nil {
		return s.DecisionBody
	}
	body, _ := tencent.SampleBody(s.Decision, s.event())
	return body
}

const noDecision = "no command was given (--decision)"

// decides sends a callback that asks for a decision.
func decides(s *session) outcome {
	if s.Decision == "" {
		return skipped(noDecision)
	}
	body := s.decisionBody()
	r := s.callback(func(c *callback.Request) { c.Command, c.Body = s.Decision, body })
	s.decision = s.send(s.sender, r)
	x := *s.decision
	if x.Err == nil {
		x.Took = 0 // another probe checks the time
	}
	v := x.JudgeCallback(s.Decision, body)
	if v.Failure != tencent.Taken {
		o := failed("%s: %s", s.Decision, s.clean(v.Detail))
		o.fix = tencent.AnswerRule(s.Decision)
		if x.Status != 0 && x.Status != 200 {
			o.fix = "Accept the command (in tim_callback: `commands`). " + o.fix
		}
		return o
	}
	if v.Answer.ActionStatus == callback.StatusFail {
		o := failed("%s: %s with FAIL, which counts as a refusal", s.Decision, s.status(&x, callback.StatusFail))
		o.fix = "Accept the command. " + tencent.AnswerRule(s.Decision)
		return o
	}
	return passed("%s with ErrorCode %d", s.Decision, v.Answer.ErrorCode)
}

func decidesInTime(s *session) outcome {
	switch {
	case s.Decision == "":
		return skipped(noDecision)
	case s.decision.Took > tencent.Timeout || isTimeout(s.decision):
		return failed("it took %v", s.decision.Took.Round(10*time.Millisecond))
	case s.decision.Err != nil:
		return notTold("there is no answer")
	}
	return passed("%v", max(s.decision.Took.Round(time.Millisecond), time.Millisecond))
}
