package interop

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

var envelopeSchema = compileSchema("../callback/envelope.schema.json", func(any) {})

// envelopeInput is a callback of another command than the profile one, and what its
// attributes are when nothing encodes them.
type envelopeInput struct {
	name              string
	callback          callback.Request
	subject, operator string
	time, lane        string
	again             bool // it has the same ID when it is sent again
}

func callbackFor(command, platform, ip, body string) callback.Request {
	return callback.Request{Command: command, OptPlatform: platform, ClientIP: ip, Body: []byte(body)}
}

var envelopeInputs = []envelopeInput{
	{
		name: "message", callback: callbackFor("C2C.CallbackAfterSendMsg", "iOS", "127.0.0.1", `{"CallbackCommand":"C2C.CallbackAfterSendMsg",
			"From_Account":"jared","To_Account":"Jonh","MsgSeq":48374,"MsgRandom":2837546,"MsgTime":1557481126,"MsgKey":"48374_2837546_1557481126",
			"MsgBody":[{"MsgType":"TIMTextElem","MsgContent":{"Text":"red packet"}}],"EventTime":1670574414123}`),
		subject: "jared", time: "2022-12-09T08:26:54.123Z", lane: app + ":conversation/Jonh/jared", again: true,
	},
	{
		name: "message without EventTime", callback: callbackFor("C2C.CallbackAfterSendMsg", "Web", "2001:DB8:0::1", ` {"From_Account":"Jonh","To_Account":"jared",
			"MsgKey":"1_2_3","MsgBody":[]} `),
		subject: "Jonh", lane: app + ":conversation/Jonh/jared", again: true,
	},
	{
		name: "decision about a message", callback: callbackFor("Group.CallbackBeforeSendMsg", "Android", "::1", `{"CallbackCommand":"Group.CallbackBeforeSendMsg",
			"GroupId":"@TGS#2J4SZEAEL","TopicId":"@TGS#_@TGS#cQVLVHIM62CJ@TOPIC#_T","From_Account":"u","Operator_Account":"admin","EventTime":"1670574414123"}`),
		subject: "@TGS#2J4SZEAEL", operator: "admin", time: "2022-12-09T08:26:54.123Z", lane: app + ":group/@TGS#2J4SZEAEL", again: true,
	},
	{
		name: "decision about friends", callback: callbackFor("Sns.CallbackPrevFriendAdd", "RESTAPI", "", `{"From_Account":"id","FriendItem":[{"To_Account":"id1"}],"EventTime":1}`),
		subject: "id", time: "1970-01-01T00:00:00.001Z", lane: app + "/id", again: true,
	},
	{
		name: "state", callback: callbackFor("State.StateChange", "IOS", "1.2.3.4", `{"CallbackCommand":"State.StateChange","EventTime":1629883332497,
			"Info":{"Action":"Login","To_Account":"testuser316","Reason":"Register"},"KickedDevice":[{"Platform":"Windows"}]}`),
		subject: "testuser316", time: "2021-08-25T09:22:12.497Z", lane: app + "/testuser316", again: true,
	},
	{
		name: "push, with seconds and no CallbackCommand", callback: callbackFor("Push.OfflinePush", "", "", `{"Events":[
			{"CallbackCommand":"Push.OfflinePush","EventTime":1670574414,"To_Account":"a","MsgKey":"1"},{"EventTime":1670574415,"To_Account":"b"}]}`),
		subject: "a", time: "2022-12-09T08:26:54Z", lane: app + "/a", again: true,
	},
	{
		name: "call of numbers", callback: callbackFor("Call.CallbackAfterStartCall", "", "", `{"EventTime":1670574414123,"CallInfo":{"CallId":144115268868451999,"Big":[1e400,-0.10]}}`),
		subject: "144115268868451999", time: "2022-12-09T08:26:54.123Z", lane: app + ":call/144115268868451999", again: true,
	},
	{
		name: "alert, with nothing that tells it from the next", callback: callbackFor("Alert.RequestOverLimit", "", "", `{"CallbackCommand":"Alert.RequestOverLimit","Command":"account_import","Limit":100}`),
		lane: app + ":command/Alert.RequestOverLimit",
	},
	{
		name: "unknown command", callback: callbackFor("新.CallbackAfter\"Thing\"", "", "", `{}`),
		lane: app + ":command/新.CallbackAfter\"Thing\"",
	},
	{
		name: "weird types", callback: callbackFor("Group.CallbackAfterSendMsg", "\r\nX-Evil: 1", "\x00", `{"GroupId":{"a":1},"From_Account":["u"],"Operator_Account":true,"EventTime":-1,"MsgKey":null}`),
		lane: app + ":command/Group.CallbackAfterSendMsg",
	},
	{
		name: "characters that headers and CloudEvents forbid", callback: callbackFor("Bot.OnC2CMessage", "Mac", "", `{"From_Account":"a\r\nCe-Id: evil\u0000","To_Account":"用户 %","Operator_Account":"\ud800","EventTime":5}`),
		subject: "a\ufffd\ufffdCe-Id: evil\ufffd", operator: "\ufffd", time: "1970-01-01T00:00:00.005Z",
		lane: app + ":conversation/a%0D%0ACe-Id: evil%00/用户 %25", again: true,
	},
}

// TestEnvelope reads callbacks of several commands, as they are forwarded and as they are
// delivered from a queue, with the SDK of CloudEvents, and validates their bodies.
func TestEnvelope(t *testing.T) {
	for _, path := range []string{"/all", "/all-queued", "/all-original"} {
		for _, in := range envelopeInputs {
			t.Run(path[1:]+"/"+in.name, func(t *testing.T) {
				r, body := forwarded(t, path, in.callback, "Ce-Evil", "Ce-Id", "Ce-Partitionkey", "Ce-Sequence")
				command, _ := callback.Lookup(in.callback.Command)
				checkEnvelopeHeaders(t, r, in, path == "/all-queued" && command.Kind == callback.News)
				if path == "/all-original" {
					if string(body) != string(in.callback.Body) {
						t.Errorf("not the original: %s", body)
					}
					return
				}
				checkEnvelope(t, body, in)
			})
		}
	}
}

func checkEnvelopeHeaders(t *testing.T, r *http.Request, in envelopeInput, queued bool) {
	t.Helper()
	e, err := cehttp.NewEventFromHTTPRequest(r)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Validate(); err != nil {
		t.Error(err)
	}
	if e.SpecVersion() != "1.0" || e.Source() != "/tim/apps/"+app || decoded(t, e.Type()) != "com.tencent.im."+in.callback.Command || e.DataContentType() != "application/json" {
		t.Errorf("got %v", e)
	}
	if same := e.ID() == callback.EventID(app, in.callback.Command, "", in.callback.Body); same != in.again || len(e.ID()) != 32 {
		t.Errorf("ID %s", e.ID())
	}
	if got := decoded(t, e.Subject()); got != in.subject {
		t.Errorf("subject %q, want %q", got, in.subject)
	}
	var want time.Time
	if in.time != "" {
		want, _ = time.Parse(time.RFC3339, in.time)
	}
	if !e.Time().Equal(want) {
		t.Errorf("time %s, want %s", e.Time(), want)
	}
	extensions := e.Extensions()
	for name, want := range map[string]string{"partitionkey": in.lane, "sdkappid": app, "operator": in.operator} {
		got, _ := extensions[name].(string)
		if got := decoded(t, got); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
		delete(extensions, name)
	}
	for _, name := range []string{"platform", "clientip"} {
		if value, ok := extensions[name]; ok && value == "" {
			t.Errorf("%s is empty", name)
		}
		delete(extensions, name)
	}
	if sequence, _ := extensions["sequence"].(string); queued {
		if n, err := strconv.ParseUint(sequence, 10, 64); err != nil || n == 0 || len(sequence) != 20 {
			t.Errorf("sequence %q", sequence)
		}
		delete(extensions, "sequence")
	}
	if len(extensions) != 0 {
		t.Errorf("there are also %v", extensions)
	}
}

func checkEnvelope(t *testing.T, body []byte, in envelopeInput) {
	t.Helper()
	if err := validate(t, envelopeSchema, string(body)); err != nil {
		t.Error(err)
	}
	var got callback.Envelope
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Command != in.callback.Command || string(got.Data) != strings.TrimSpace(string(in.callback.Body)) {
		t.Errorf("got %s", body)
	}
	if in.subject != "" && strings.ContainsRune(in.subject, '\ufffd') == (got.Subject == in.subject) {
		t.Errorf("subject %q", got.Subject)
	}
}

func TestEnvelopeSchemaExamples(t *testing.T) {
	for _, example := range envelopeSchema.Examples {
		if err := envelopeSchema.Validate(example); err != nil {
			t.Error(err)
		}
	}
	if len(envelopeSchema.Examples) == 0 {
		t.Error("none")
	}
}

func TestEnvelopeSchemaRefuses(t *testing.T) {
	const must = `"sdk_appid":1,"command":"State.StateChange","data":{}`
	if err := validate(t, envelopeSchema, `{`+must+`}`); err != nil {
		t.Fatal(err)
	}
	for name, body := range map[string]string{
		"no object":           `[]`,
		"no app":              `{"command":"State.StateChange","data":{}}`,
		"app 0":               `{"sdk_appid":0,"command":"State.StateChange","data":{}}`,
		"no command":          `{"sdk_appid":1,"data":{}}`,
		"empty command":       `{"sdk_appid":1,"command":"","data":{}}`,
		"the profile command": `{"sdk_appid":1,"command":"Profile.CallbackPortraitSet","data":{}}`,
		"no data":             `{"sdk_appid":1,"command":"State.StateChange"}`,
		"data of a list":      `{"sdk_appid":1,"command":"State.StateChange","data":[]}`,
		"unknown member":      `{` + must + `,"new":1}`,
		"empty subject":       `{` + must + `,"subject":""}`,
		"empty platform":      `{` + must + `,"platform":""}`,
		"time without Z":      `{` + must + `,"event_time":"2022-07-04T07:50:52.497+00:00"}`,
		"no such day":         `{` + must + `,"event_time":"2022-02-30T07:50:52.497Z"}`,
	} {
		t.Run(name, func(t *testing.T) {
			if validate(t, envelopeSchema, body) == nil {
				t.Error("it is accepted")
			}
		})
	}
}
