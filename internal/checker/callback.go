package checker

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// payload is the body of a callback that changes nothing much of a user who does
// not exist.
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

// payload makes a body that was never sent before, since one that was could be
// taken for a duplicate.
func (s *session) payload() payload {
	s.lastEvent = max(s.lastEvent+1, time.Now().UnixMilli())
	return payload{
		Command:  profile.Command,
		Operator: s.User,
		From:     s.User,
		Time:     s.lastEvent,
		Items:    []item{{"Tag_Profile_IM_Nick", User}},
	}
}

func (p payload) json() []byte {
	text, _ := json.Marshal(p) // strings and numbers: it never fails
	return text
}

// callback is a genuine callback, but for what change changes of it.
func (s *session) callback(change func(*profile.Callback)) *http.Request {
	c := profile.Callback{SDKAppID: s.SDKAppID, Token: s.Token, Body: s.payload().json()}
	if change != nil {
		change(&c)
	}
	return s.request(s.URL, c)
}

// request cannot fail: the session has parsed its URLs.
func (s *session) request(target string, c profile.Callback) *http.Request {
	r, err := profile.NewRequest(s.ctx, target, c)
	if err != nil {
		panic(err)
	}
	return r
}
