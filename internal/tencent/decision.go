package tencent

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// codes says which ErrorCodes the answer to a decision may have.
type codes struct {
	meaning []string // of 0, 1 and so on
	own     [2]int64 // the first and last of the app's own codes, which forbid, too
}

var (
	allowForbid     = []string{"allow", "forbid"}
	allowForbidDrop = []string{"allow", "forbid", "drop silently"}

	// codesOf has the decisions whose ErrorCode has a documented range. Tencent's documents
	// give it for each command; the table of commands in package callback names them.
	codesOf = map[string]codes{
		"C2C.CallbackBeforeSendMsg":                           {allowForbidDrop, [2]int64{120001, 130000}},
		"Group.CallbackBeforeCreateGroup":                     {allowForbid, [2]int64{10100, 10200}},
		"Group.CallbackBeforeApplyJoinGroup":                  {allowForbid, [2]int64{10100, 10200}},
		"Group.CallbackBeforeInviteJoinGroup":                 {allowForbid, [2]int64{10100, 10200}},
		"Group.CallbackBeforeSendMsg":                         {allowForbidDrop, [2]int64{10100, 10200}},
		"Group.CallbackBeforeCreateTopic":                     {allowForbid, [2]int64{10100, 10200}},
		"Chatbot.OnC2CSignalMessage":                          {[]string{"use RspData", "ignore"}, [2]int64{}},
		"OfficialAccount.CallbackBeforeCreateOfficialAccount": {allowForbid, [2]int64{120001, 130000}},
		"OfficialAccount.CallbackBeforeAddSubscriber":         {allowForbid, [2]int64{}},
		"OfficialAccount.CallbackBeforeSendMsg":               {allowForbidDrop, [2]int64{120001, 130000}},
		"Live.CallbackBeforeSendGift":                         {allowForbid, [2]int64{102100, 102200}},
	}
)

// The ResultCodes with which a request for a friend is refused.
const (
	firstRefusal = 38000
	lastRefusal  = 39000
)

// String describes the codes for people.
func (c codes) String() string {
	texts := make([]string, 0, len(c.meaning)+1)
	for code, meaning := range c.meaning {
		texts = append(texts, fmt.Sprintf("%d (%s)", code, meaning))
	}
	if c.own[1] != 0 {
		texts = append(texts, fmt.Sprintf("%d to %d (forbid with a code of your own)", c.own[0], c.own[1]))
	}
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}

func (c codes) has(code int64) bool {
	return code >= 0 && code < int64(len(c.meaning)) || c.own[1] != 0 && code >= c.own[0] && code <= c.own[1]
}

// AnswerRule says in a sentence what a valid answer to a callback of a command is.
func AnswerRule(command string) string {
	c, _ := callback.Lookup(command)
	rule := `Answer with status 200 and the JSON members ActionStatus "OK", ErrorInfo and ErrorCode`
	if codes, ok := codesOf[command]; ok {
		rule += ", which is " + codes.String()
	}
	switch {
	case c.ResultItems != "":
		rule += fmt.Sprintf(", and with ResultItem, an array that has To_Account and ResultCode for each To_Account of the request. ResultCode is 0 (allow) or %d to %d (refuse)", firstRefusal, lastRefusal)
	case c.NoNeutral && slices.Contains(c.Answer, "RspData"):
		rule += ", and with RspData, a string"
	}
	return rule + "."
}

// JudgeCallback is like [Exchange.Judge], but knows the command and the body of the callback.
// The answer to a decision must also be one that the command allows.
func (x *Exchange) JudgeCallback(command string, body []byte) Verdict {
	v := x.Judge()
	if v.Failure == Taken {
		if wrong := wrongDecision(command, body, v.Answer, x.Body); wrong != "" {
			return Verdict{Failure: FailDecision, Detail: wrong}
		}
	}
	return v
}

// wrongDecision says what is wrong with the answer to a decision, and "" if nothing is.
// request and text are the bodies of the callback and of the answer, which is well-formed.
func wrongDecision(command string, request []byte, answer callback.Answer, text []byte) string {
	c, _ := callback.Lookup(command)
	if c.Kind != callback.Decision {
		return ""
	}
	if codes, ok := codesOf[command]; ok && !codes.has(answer.ErrorCode) {
		return fmt.Sprintf("ErrorCode is %d, but the answer to %s may have %s", answer.ErrorCode, command, codes)
	}
	var members map[string]json.RawMessage
	_ = json.Unmarshal(text, &members) // it cannot fail: the answer has been parsed before
	for _, name := range c.Answer {
		if wrong := wrongType(name, members[name]); wrong != "" {
			return wrong
		}
	}
	switch {
	case c.NoNeutral && slices.Contains(c.Answer, "RspData") && members["RspData"] == nil:
		return "RspData is missing, which the answer to " + command + " needs"
	case c.ResultItems != "":
		return wrongResults(command, request, members["ResultItem"])
	}
	return ""
}

// wrongType says whether a member of an answer has another type than Tencent documents.
func wrongType(name string, value json.RawMessage) string {
	if value == nil {
		return ""
	}
	want, first := "an array", byte('[')
	if name == "RspData" || name == "CloudCustomData" {
		want, first = "a string", '"'
	}
	if value[0] != first {
		return name + " is not " + want
	}
	return ""
}

// wrongResults says what is wrong with the ResultItem of the answer to a request for friends.
func wrongResults(command string, request []byte, results json.RawMessage) string {
	if results == nil {
		return "ResultItem is missing, which the answer to " + command + " needs for each To_Account"
	}
	var items []struct {
		Account *string `json:"To_Account"`
		Code    *int64  `json:"ResultCode"`
	}
	if json.Unmarshal(results, &items) != nil {
		return "ResultItem is not an array of objects with To_Account and ResultCode"
	}
	answered := make(map[string]bool, len(items))
	for _, item := range items {
		switch {
		case item.Account == nil || item.Code == nil:
			return "a ResultItem has no To_Account or no ResultCode"
		case *item.Code != 0 && (*item.Code < firstRefusal || *item.Code > lastRefusal):
			return fmt.Sprintf("the ResultCode of %q is %d, neither 0 nor from %d to %d", *item.Account, *item.Code, firstRefusal, lastRefusal)
		}
		answered[*item.Account] = true
	}
	scan, err := callback.ScanBody(callback.Query{Command: command}, request)
	if err != nil {
		return "" // a body that is no callback has no accounts
	}
	for _, account := range scan.ResultItems {
		if !answered[account] {
			return fmt.Sprintf("ResultItem has nothing for the To_Account %q", account)
		}
	}
	return ""
}
