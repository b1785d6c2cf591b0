package callback

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func scan(tb testing.TB, command, body string) *Scan {
	tb.Helper()
	s, err := ScanBody(Query{SDKAppID: "1400000000", Command: command}, []byte(body))
	if err != nil {
		tb.Fatalf("%v: %s", err, body)
	}
	return s
}

var eventTime = time.UnixMilli(1656921052497).UTC()

// TestScan has bodies such as Tencent's documents show, with their traps.
func TestScan(t *testing.T) {
	for name, tc := range map[string]struct {
		command, body string
		want          Scan // without Body and Data
	}{
		"state": {
			"State.StateChange", `{"CallbackCommand":"State.StateChange","EventTime":1656921052497,"Info":{"Action":"Logout","To_Account":"id1","Reason":"Unregister"}}`,
			Scan{Subject: "id1", EventTime: eventTime, Lane: "1400000000/id1", Unique: true},
		},
		"profile has the same lane": {
			"Profile.CallbackPortraitSet", `{"From_Account":"id1","EventTime":"1656921052497"}`,
			Scan{Subject: "id1", FromAccount: "id1", EventTime: eventTime, Lane: "1400000000/id1", Unique: true},
		},
		"a list of pairs": {
			"Sns.CallbackFriendAdd", `{"PairList":[{"From_Account":"a","To_Account":"b"},{"From_Account":"c"}],"ClientCmd":"friend_add"}`,
			Scan{Subject: "a", Lane: "1400000000/a"},
		},
		"a pair without From_Account": {
			"Sns.CallbackFriendAdd", `{"PairList":[{"Initiator_Account":"i"}]}`,
			Scan{Subject: "i", Lane: "1400000000/i"},
		},
		"a friend request": {
			"Sns.CallbackPrevFriendAdd", `{"From_Account":"a","FriendItem":[{"To_Account":"b"},{"x":1,"To_Account":"c"}],"EventTime":1656921052497}`,
			Scan{Subject: "a", FromAccount: "a", EventTime: eventTime, Lane: "1400000000/a", Unique: true, ResultItems: []string{"b", "c"}},
		},
		"a friend request with an account of a wrong type": {
			"Sns.CallbackPrevFriendAdd", `{"From_Account":"a","FriendItem":[{"To_Account":"b"},{"To_Account":["c"]}]}`,
			Scan{Subject: "a", FromAccount: "a", Lane: "1400000000/a"},
		},
		"a time of zero, which is none": {
			"Sns.CallbackFriendAdd", `{"EventTime":0,"PairList":[{"From_Account":"a"}]}`,
			Scan{Subject: "a", EventTime: time.UnixMilli(0).UTC(), Lane: "1400000000/a"},
		},
		"a name that cannot be one": {
			"Group.CallbackAfterSendMsg", `{"GroupId":"` + strings.Repeat("g", 257) + `","MsgKey":false}`,
			Scan{Lane: "1400000000:command/Group.CallbackAfterSendMsg"},
		},
		"a member of a call has changed, at no time": {
			"Call.CallbackAfterMemberChanged", `{"CallId":"c"}`,
			Scan{Subject: "c", Lane: "1400000000:call/c"},
		},
		"the result of moderation": {
			"ContentCallback.ResultNotify", `{"From_Account":"a","CtxcbRequestId":"r"}`,
			Scan{Subject: "a", FromAccount: "a", Lane: "1400000000/a", Unique: true},
		},
		"a conversation": {
			"C2C.CallbackAfterSendMsg", `{"From_Account":"b","To_Account":"a","MsgKey":"k","MsgBody":[{"MsgType":"T"}]}`,
			Scan{Subject: "b", FromAccount: "b", Lane: "1400000000:conversation/a/b", Unique: true},
		},
		"the other direction": {
			"C2C.CallbackAfterMsgWithDraw", `{"From_Account":"a","To_Account":"b","MsgKey":"k"}`,
			Scan{Subject: "a", FromAccount: "a", Lane: "1400000000:conversation/a/b", Unique: true},
		},
		"a conversation of half": {
			"C2C.CallbackAfterSendMsg", `{"From_Account":"b","MsgTime":1,"MsgSeq":2}`,
			Scan{Subject: "b", FromAccount: "b", Lane: "1400000000:command/C2C.CallbackAfterSendMsg", Unique: true},
		},
		"a message without its sequence": {
			"C2C.CallbackAfterSendMsg", `{"From_Account":"b","To_Account":"b/c","MsgTime":1}`,
			Scan{Subject: "b", FromAccount: "b", Lane: "1400000000:conversation/b/b%2Fc"},
		},
		"a group, with its time as a string": {
			"Group.CallbackAfterSendMsg", `{"GroupId":"@TGS#1","From_Account":"id1","Operator_Account":"admin","EventTime":"1656921052497"}`,
			Scan{Subject: "@TGS#1", FromAccount: "id1", Operator: "admin", EventTime: eventTime, Lane: "1400000000:group/@TGS#1", Unique: true},
		},
		"a topic": {
			"Group.CallbackAfterCreateTopic", `{"GroupId":"g","TopicId":"g@TOPIC#_1"}`,
			Scan{Subject: "g", Lane: "1400000000:group/g"},
		},
		"an exception with an ErrorCode of its own": {
			"Group.CallbackSendMsgException", `{"GroupId":"g","ErrorCode":10,"ErrorInfo":"x","EventTime":1656921052497}`,
			Scan{Subject: "g", EventTime: eventTime, Lane: "1400000000:group/g", Unique: true},
		},
		"pushes, in seconds and with the command inside": {
			"Push.AllMemberPush", `{"Events":[{"CallbackCommand":"Push.AllMemberPush","EventTime":1656921052,"To_Account":"a","TaskId":"t"},{"To_Account":"b"}]}`,
			Scan{Subject: "a", EventTime: time.Unix(1656921052, 0).UTC(), Lane: "1400000000/a", Unique: true},
		},
		"a push to all": {
			"Push.AllMemberPush", `{"Events":[{"TaskId":"t"}]}`,
			Scan{Subject: "t", Lane: "1400000000/t", Unique: true},
		},
		"content, without a command in the body": {
			"ContentCallback.ResultNotify", `{"SdkAppId":1400000000,"From_Account":"a","MsgID":"m"}`,
			Scan{Subject: "a", FromAccount: "a", Lane: "1400000000/a"},
		},
		"an alert of the app": {
			"Alert.RequestOverLimit", `{"CallbackCommand":"Alert.RequestOverLimit","Request":1}`,
			Scan{Lane: "1400000000:command/Alert.RequestOverLimit"},
		},
		"an account as a bare number": {
			"C2C.CallbackAfterMsgReport", `{"Report_Account":144115198371610486,"EventTime":1656921052497}`,
			Scan{Subject: "144115198371610486", EventTime: eventTime, Lane: "1400000000/144115198371610486", Unique: true},
		},
		"a room": {
			"Live.CallbackAfterCreateRoom", `{"RoomInfo":{"RoomId":"r"},"EventTime":1656921052497}`,
			Scan{Subject: "r", EventTime: eventTime, Lane: "1400000000:room/r", Unique: true},
		},
		"a call": {
			"Call.CallbackAfterEndCall", `{"CallRecord":{"CallId":"c"}}`,
			Scan{Subject: "c", Lane: "1400000000:call/c", Unique: true},
		},
		"fields of wrong types": {
			"C2C.CallbackAfterSendMsg", `{"From_Account":{"a":1},"To_Account":["b"],"EventTime":[],"MsgKey":null,"MsgTime":0,"MsgSeq":{}}`,
			Scan{Lane: "1400000000:command/C2C.CallbackAfterSendMsg"},
		},
		"nested fields of wrong types": {
			"State.StateChange", `{"Info":[{"To_Account":"a"}],"EventTime":true}`,
			Scan{Lane: "1400000000:command/State.StateChange"},
		},
		"an empty array": {
			"Push.OfflinePush", `{"Events":[]}`,
			Scan{Lane: "1400000000:command/Push.OfflinePush"},
		},
		"a member sent twice": {
			"Group.CallbackAfterSendMsg", `{"GroupId":"g1","GroupId":"g2"}`,
			Scan{Subject: "g2", Lane: "1400000000:group/g2"},
		},
		"an unknown command": {
			"New.CallbackAfterX", `{"From_Account":"a","EventTime":1656921052497}`,
			Scan{FromAccount: "a", EventTime: eventTime, Lane: "1400000000:command/New.CallbackAfterX", Unique: true},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := scan(t, tc.command, " \n"+tc.body+"\t")
			if s.Data != tc.body || s.Body != " \n"+tc.body+"\t" {
				t.Errorf("data %s", s.Data)
			}
			tc.want.Body, tc.want.Data = s.Body, s.Data
			if fmt.Sprintf("%+v", *s) != fmt.Sprintf("%+v", tc.want) {
				t.Errorf("got  %+v\nwant %+v", *s, tc.want)
			}
		})
	}
}

func TestScanRefuses(t *testing.T) {
	for body, want := range map[string]string{
		"":                            "the JSON ends early",
		"[]":                          "not a JSON object",
		`"x"`:                         "not a JSON object",
		`{"a":1}{}`:                   "something follows the JSON object",
		`{"a":1`:                      "not valid JSON at byte 6",
		"{\"a\":\"\xff\"}":            "not valid UTF-8",
		`{"CallbackCommand":"Other"}`: "its CallbackCommand differs from the one in the URL",
		`{"CallbackCommand":1}`:       "its CallbackCommand differs from the one in the URL",
		`{"a":` + strings.Repeat("[", 101) + strings.Repeat("]", 101) + `}`: "nested more than 100 levels deep",
	} {
		_, err := ScanBody(Query{SDKAppID: "1", Command: "Group.CallbackAfterSendMsg"}, []byte(body))
		if reasonOf(t, err) != ReasonBadBody || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%.40s: %v, want %s", body, err, want)
		}
	}
}

// TestLaneKeys: no two lanes have the same key.
func TestLaneKeys(t *testing.T) {
	keys := make(map[string]string)
	for _, kind := range []LaneKind{LaneAccount, LaneConversation, LaneGroup, LaneRoom, LaneCommand} {
		for _, names := range [][]string{{"a"}, {"a", "b"}, {"a/b"}, {"a/b", "c"}, {"a", "b/c"}, {"a%2Fb"}, {"\x00"}, {"\x01"}, {"\ufffd"}, {"%00"}, {":group/a"}, {"/a"}, {""}} {
			if (len(names) == 2) != (kind == LaneConversation) {
				continue
			}
			key, what := LaneKey("1", kind, names...), fmt.Sprintf("%s %q", kind, names)
			if other, ok := keys[key]; ok {
				t.Errorf("%s and %s both have the key %s", what, other, key)
			}
			keys[key] = what
		}
	}
}

func TestEnvelope(t *testing.T) {
	const data = `{"n":144115198371610486,"f":1.50,  "b":"a","a":"\u0061"}`
	e := Envelope{
		SDKAppID: 1400000000, Command: "Group.CallbackAfterSendMsg", EventTime: eventTime,
		Platform: "ios", ClientIP: "::1", Subject: `"g"`, Data: json.RawMessage(data),
	}
	want := `{"sdk_appid":1400000000,"command":"Group.CallbackAfterSendMsg","event_time":"2022-07-04T07:50:52.497Z",` +
		`"platform":"ios","client_ip":"::1","subject":"\"g\"","data":` + data + `}`
	if got := string(e.AppendJSON(nil)); got != want {
		t.Errorf("got %s", got)
	}
	var back Envelope
	if err := json.Unmarshal([]byte(want), &back); err != nil || string(back.AppendJSON(nil)) != want {
		t.Errorf("read back %+v, %v", back, err)
	}
	least := Envelope{SDKAppID: 1, Command: "C", Data: json.RawMessage(`{}`)}
	if got := string(least.AppendJSON(nil)); got != `{"sdk_appid":1,"command":"C","data":{}}` {
		t.Errorf("got %s", got)
	}
}

// FuzzScanBody: whatever is sent, there is an error, or the data are what was sent and
// the lane and the rest can be used.
func FuzzScanBody(f *testing.F) {
	for _, c := range Commands() {
		f.Add(c.Name, `{"From_Account":"a","To_Account":"b","GroupId":"g","Info":{"To_Account":"a"},"PairList":[{"From_Account":"a"}],"Events":[{"EventTime":1}],"EventTime":1}`)
	}
	f.Fuzz(func(t *testing.T, command, body string) {
		s, err := ScanBody(Query{SDKAppID: "1", Command: command}, []byte(body))
		if err != nil {
			_ = reasonOf(t, err)
			return
		}
		if s.Body != body || s.Data != strings.Trim(body, " \t\r\n") || !json.Valid([]byte(s.Data)) {
			t.Fatalf("%q became %q", body, s.Data)
		}
		if !strings.HasPrefix(s.Lane, "1/") && !strings.HasPrefix(s.Lane, "1:") {
			t.Fatalf("lane %q", s.Lane)
		}
		for _, policy := range []Policy{PolicyAllow, PolicyForbid} {
			c, _ := Lookup(command)
			if answer, ok := Neutral(policy, c, s); ok {
				if _, err := ParseAnswer(answer); err != nil && len(answer) <= MaxAnswer {
					t.Fatalf("%s: %v", answer, err)
				}
			}
		}
	})
}

func BenchmarkScanBody(b *testing.B) {
	body := []byte(`{"CallbackCommand":"C2C.CallbackAfterSendMsg","From_Account":"jared","To_Account":"Johnson","MsgSeq":48374,"MsgRandom":2837546,` +
		`"MsgTime":1557481126,"MsgKey":"48374_2837546_1557481126","MsgId":"144115233406643804-1727580296-4026038328","OnlineOnlyFlag":0,"SendMsgResult":0,` +
		`"ErrorInfo":"send msg succeed","UnreadMsgNum":7,"EventTime":1670574414123,"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"` + strings.Repeat("red packet ", 20) + `"}}],"CloudCustomData":"your cloud custom data"}`)
	q := Query{SDKAppID: "1400000000", Command: "C2C.CallbackAfterSendMsg"}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ScanBody(q, body); err != nil {
			b.Fatal(err)
		}
	}
}
