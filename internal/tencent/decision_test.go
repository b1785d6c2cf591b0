package tencent

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// An answer that is valid for any callback may still be none for a command that asks for a
// decision.
func TestJudgeCallback(t *testing.T) {
	friends, _ := SampleBody("Sns.CallbackPrevFriendAdd", Event{From: "id1", To: [2]string{"id2", "id3"}})
	response, _ := SampleBody("Sns.CallbackPrevFriendResponse", Event{From: "id1", To: [2]string{"id2", "id3"}})
	const (
		c2c     = "C2C.CallbackBeforeSendMsg"
		group   = "Group.CallbackBeforeSendMsg"
		join    = "Group.CallbackBeforeApplyJoinGroup"
		invite  = "Group.CallbackBeforeInviteJoinGroup"
		friend  = "Sns.CallbackPrevFriendAdd"
		agree   = "Sns.CallbackPrevFriendResponse"
		chatbot = "Chatbot.OnC2CSignalMessage"
		gift    = "Live.CallbackBeforeSendGift"
	)
	items := func(list string) string { return `,"ResultItem":[` + list + `]` }
	for i, test := range []struct {
		command string
		request string
		code    int
		more    string // further members of the answer
		want    string // part of the detail; "" if the answer is valid
	}{
		{command: "C2C.CallbackAfterSendMsg", code: 7},
		{command: "C2C.CallbackAfterSendMsg", more: `,"MsgBody":1`},
		{command: "Group.CallbackBeforeSomethingNew", code: 7},
		{command: "Something.New", more: `,"ResultItem":1`},

		{command: c2c, code: 0},
		{command: c2c, code: 1},
		{command: c2c, code: 2},
		{command: c2c, code: 3, want: "ErrorCode is 3, but the answer to C2C.CallbackBeforeSendMsg may have 0 (allow), 1 (forbid), 2 (drop silently) or 120001 to 130000"},
		{command: c2c, code: -1, want: "ErrorCode is -1"},
		{command: c2c, code: 120000, want: "ErrorCode is 120000"},
		{command: c2c, code: 120001},
		{command: c2c, code: 130000},
		{command: c2c, code: 130001, want: "ErrorCode is 130001"},
		{command: c2c, code: 10100, want: "ErrorCode is 10100"},
		{command: c2c, more: `,"MsgBody":[],"CloudCustomData":"x","Other":1`},
		{command: c2c, more: `,"MsgBody":{}`, want: "MsgBody is not an array"},
		{command: c2c, more: `, "CloudCustomData" : {}`, want: "CloudCustomData is not a string"},
		{command: group, code: 2},
		{command: group, code: 10099, want: "ErrorCode is 10099"},
		{command: group, code: 10100},
		{command: group, code: 10200},
		{command: group, code: 10201, want: "10100 to 10200"},
		{command: group, code: 120001, want: "ErrorCode is 120001"},
		{command: join, code: 10100},
		{command: join, code: 2, want: "may have 0 (allow), 1 (forbid) or 10100 to 10200"},
		{command: invite, more: `,"RefusedMembers_Account":["a"]`},
		{command: invite, more: `,"RefusedMembers_Account":"a"`, want: "RefusedMembers_Account is not an array"},
		{command: gift, code: 102100},
		{command: gift, code: 10100, want: "102100 to 102200"},
		{command: "OfficialAccount.CallbackBeforeSendMsg", code: 120001},
		{command: "OfficialAccount.CallbackBeforeAddSubscriber", code: 120001, want: "may have 0 (allow) or 1 (forbid)"},

		{command: friend, want: "ResultItem is missing, which the answer to Sns.CallbackPrevFriendAdd needs for each To_Account"},
		{command: friend, more: `,"ResultItem":null`, want: "ResultItem is not an array"},
		{command: friend, more: items(`1`), want: "ResultItem is not an array of objects with To_Account and ResultCode"},
		{command: friend, more: items(``), want: `ResultItem has nothing for the To_Account "id2"`},
		{command: friend, more: items(`{"To_Account":"id2","ResultCode":0}`), want: `ResultItem has nothing for the To_Account "id3"`},
		{command: friend, more: items(`{"To_Account":"id2","ResultCode":0},{"To_Account":"id3"}`), want: "a ResultItem has no To_Account or no ResultCode"},
		{command: friend, more: items(`{"To_Account":"id2","ResultCode":"0"}`), want: "ResultItem is not an array of objects"},
		{command: friend, more: items(`{"To_Account":"id3","ResultCode":39000},{"To_Account":"id2","ResultCode":38000,"ResultInfo":"no"}`)},
		{command: friend, more: items(`{"To_Account":"id2","ResultCode":0},{"To_Account":"id3","ResultCode":1}`), want: `the ResultCode of "id3" is 1, neither 0 nor from 38000 to 39000`},
		{command: friend, more: items(`{"To_Account":"id2","ResultCode":37999}`), want: "is 37999"},
		{command: friend, more: items(`{"To_Account":"id2","ResultCode":39001}`), want: "is 39001"},
		{command: friend, request: `{}`, more: items(``)},
		{command: friend, request: `none`, more: items(``)},
		{command: agree, more: items(`{"To_Account":"id2","ResultCode":0}`), want: `ResultItem has nothing for the To_Account "id3"`},
		{command: agree, more: items(`{"To_Account":"id2","ResultCode":0},{"To_Account":"id3","ResultCode":0}`)},

		{command: chatbot, want: "RspData is missing"},
		{command: chatbot, more: `,"RspData":{}`, want: "RspData is not a string"},
		{command: chatbot, more: `,"RspData":null`, want: "RspData is not a string"},
		{command: chatbot, more: `,"RspData":"x"`, code: 1},
		{command: chatbot, more: `,"RspData":"x"`, code: 2, want: "may have 0 (use RspData) or 1 (ignore)"},
	} {
		request := test.request
		switch {
		case request != "":
		case test.command == friend:
			request = string(friends)
		case test.command == agree:
			request = string(response)
		default:
			request = "{}"
		}
		x := Exchange{
			Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
			Body: fmt.Appendf(nil, `{"ActionStatus":"OK","ErrorCode":%d,"ErrorInfo":""%s}`, test.code, test.more),
		}
		v := x.JudgeCallback(test.command, []byte(request))
		if test.want == "" && v.Failure != Taken || test.want != "" && (v.Failure != FailDecision || !strings.Contains(v.Detail, test.want)) {
			t.Errorf("%d: %s %s: got %+v, want %q", i, test.command, x.Body, v, test.want)
		}
	}
	// what is wrong for any callback is named first
	x := Exchange{Status: http.StatusForbidden}
	if v := x.JudgeCallback(friend, friends); v.Failure != FailStatus {
		t.Errorf("got %+v", v)
	}
}

// The answers that this module gives by a policy are valid.
func TestJudgeNeutralAnswers(t *testing.T) {
	for _, c := range callback.Commands() {
		if c.Kind != callback.Decision {
			continue
		}
		request, ok := SampleBody(c.Name, Event{From: "id1", To: [2]string{"id2", "id3"}})
		if !ok {
			request = []byte("{}")
		}
		s, err := callback.ScanBody(callback.Query{Command: c.Name}, request)
		if err != nil {
			t.Fatal(err)
		}
		for _, policy := range []callback.Policy{callback.PolicyAllow, callback.PolicyForbid} {
			answer, ok := callback.Neutral(policy, &c, s)
			if !ok {
				continue
			}
			x := Exchange{Status: http.StatusOK, Body: answer}
			if v := x.JudgeCallback(c.Name, request); v.Failure != Taken {
				t.Errorf("%s: %s %s: %+v", c.Name, policy, answer, v)
			}
		}
	}
}

func TestCodesAreOfDecisions(t *testing.T) {
	for command := range codesOf {
		if c, known := callback.Lookup(command); !known || c.Kind != callback.Decision {
			t.Errorf("%s is not a known decision", command)
		}
	}
}

func TestAnswerRule(t *testing.T) {
	for command, want := range map[string]string{
		"C2C.CallbackAfterSendMsg":   "ErrorInfo and ErrorCode.",
		"C2C.CallbackBeforeSendMsg":  "which is 0 (allow), 1 (forbid), 2 (drop silently) or 120001 to 130000 (forbid with a code of your own).",
		"Sns.CallbackPrevFriendAdd":  "for each To_Account of the request. ResultCode is 0 (allow) or 38000 to 39000 (refuse).",
		"Chatbot.OnC2CSignalMessage": "which is 0 (use RspData) or 1 (ignore), and with RspData, a string.",
	} {
		if got := AnswerRule(command); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s", command, got)
		}
	}
}
