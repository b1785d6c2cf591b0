package checker

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// payload is the body of a callback that sets the nickname of a user who does not exist.
type payload struct {
	Command  string         `json:"CallbackCommand"`
	Operator string         `json:"Operator_Account"`
	From     string         `json:"From_Account"`
	Time     int64          `json:"EventTime"`
	Items    []item         `json:"ProfileItem"`
	Unknown  map[string]int `json:"TimCallbackCheck,omitempty"`
}

type item struct {
	Tag   string
	Value string
}

// payload returns a body that was never sent before, since the endpoint could treat a
// repeated one as a duplicate.
func (s *session) payload() payload {
	return payload{
		Command:  profile.Command,
		Operator: s.User,
		From:     s.User,
		Time:     s.nextEvent(),
		Items:    []item{{"Tag_Profile_IM_Nick", User}},
	}
}

// nextEvent returns an EventTime that no other callback has.
func (s *session) nextEvent() int64 {
	s.lastEvent = max(s.lastEvent+1, time.Now().UnixMilli())
	return s.lastEvent
}

// event returns what the next callback with a sample body is about. The users and the group
// do not exist.
func (s *session) event() tencent.Event {
	return tencent.Event{From: s.User, To: [2]string{otherUser, thirdUser}, GroupID: group, Time: time.UnixMilli(s.nextEvent())}
}

func (p payload) json() []byte {
	text, _ := json.Marshal(p) // strings and numbers never fail
	return text
}

// checkBody returns the body from the flag fileFlag without white space around it. It returns
// an error if this cannot be the body of a callback of the command, which is from the flag
// commandFlag, or if there is no body and the command needs one.
func checkBody(commandFlag, command, fileFlag string, body []byte) ([]byte, error) {
	if body == nil {
		if err := tencent.CanMakeBody(command); err != nil {
			return nil, fmt.Errorf("--%s: %w: use --%s", commandFlag, err, fileFlag)
		}
		return nil, nil
	}
	var object struct{ CallbackCommand string }
	body = bytes.TrimSpace(body)
	if err := json.Unmarshal(body, &object); err != nil || body[0] != '{' || !utf8.Valid(body) {
		return nil, fmt.Errorf("--%s: it is not one JSON object", fileFlag)
	}
	if object.CallbackCommand != "" && object.CallbackCommand != command {
		return nil, fmt.Errorf("--%s: its CallbackCommand is %q, but --%s is %s", fileFlag, object.CallbackCommand, commandFlag, command)
	}
	return body, nil
}

// body returns the body of a genuine callback.
func (s *session) body() []byte {
	switch {
	case s.Body != nil:
		return s.Body
	case s.Command == profile.Command:
		return s.payload().json()
	}
	body, _ := tencent.SampleBody(s.Command, s.event())
	return body
}

// bodyWith returns the body of a genuine callback, with the member name set to value.
func (s *session) bodyWith(name string, value any) []byte {
	var members map[string]any
	decoder := json.NewDecoder(bytes.NewReader(s.body()))
	decoder.UseNumber()
	_ = decoder.Decode(&members) // it cannot fail: checkBody has decoded the body before
	members[name] = value
	text, _ := json.Marshal(members)
	return text
}

// bodyWithNews returns the body of a genuine callback with unknown members, which Tencent
// might add one day.
func (s *session) bodyWithNews() []byte {
	news := map[string]int{"new": 1}
	if s.Body != nil || s.Command != profile.Command {
		return s.bodyWith("TimCallbackCheck", news)
	}
	p := s.payload()
	p.Unknown = news
	p.Items = append(p.Items, item{"Tag_Profile_IM_CheckNew", User})
	return p.json()
}

// genuineCallback returns a callback that the endpoint should accept.
func (s *session) genuineCallback() callback.Request {
	return callback.Request{SDKAppID: s.SDKAppID, Command: s.Command, Token: s.Token, Body: s.body()}
}

// callback returns the request for a genuine callback, modified by change if it is not nil.
func (s *session) callback(change func(*callback.Request)) *http.Request {
	c := s.genuineCallback()
	if change != nil {
		change(&c)
	}
	return s.request(s.URL, c)
}

// request returns the request for c. It cannot fail, since the session has parsed its URLs.
func (s *session) request(target string, c callback.Request) *http.Request {
	r, err := callback.NewRequest(s.ctx, target, c)
	if err != nil {
		panic(err)
	}
	return r
}
