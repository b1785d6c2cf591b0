package callback

import "strconv"

// Policy says what Tencent is told when a decision cannot be had.
type Policy string

// The policies.
const (
	PolicyError  Policy = "error"  // an error, so that the policy in Tencent's console applies
	PolicyAllow  Policy = "allow"  // what was asked for may happen
	PolicyForbid Policy = "forbid" // what was asked for must not happen
)

// codeForbidden is the ResultCode with which a request for a friend is refused, the first
// of the range 38000 to 39000 that Tencent documents for that.
const codeForbidden = 38000

// Neutral returns the answer that a policy gives to a decision about which nothing else
// is known. ok is false for [PolicyError], and if there is no such answer for the command,
// or for this callback.
func Neutral(p Policy, c *Command, s *Scan) (answer []byte, ok bool) {
	if c.ResultItems != "" && len(s.ResultItems) == 0 {
		return nil, false
	}
	if c.NoNeutral || p != PolicyAllow && p != PolicyForbid {
		return nil, false
	}
	a, result := OK(), int64(0)
	if p == PolicyForbid {
		a.ErrorCode, result = 1, codeForbidden
	}
	answer = a.JSON()
	if c.ResultItems == "" {
		return answer, true
	}
	answer = append(answer[:len(answer)-1], `,"ResultItem":[`...)
	for i, account := range s.ResultItems {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = AppendQuote(append(answer, `{"To_Account":`...), account)
		answer = strconv.AppendInt(append(answer, `,"ResultCode":`...), result, 10)
		answer = append(answer, `,"ResultInfo":""}`...)
	}
	return append(answer, ']', '}'), true
}
