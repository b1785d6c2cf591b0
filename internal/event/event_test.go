package event

import (
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

const requestID = "0d3c7e1a-5b2f-4c9d-8e6f-123456789abc"

func decode(t *testing.T, command, rawQuery, body string) *Event {
	t.Helper()
	e, err := Decode(&callback.Query{SDKAppID: sample.SDKAppID, Command: command}, rawQuery, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return &e
}

// TestID: a callback that is sent again has the same ID, unless it could be another event.
func TestID(t *testing.T) {
	const profile, friends = "Profile.CallbackPortraitSet", "Sns.CallbackFriendAdd"
	for name, tc := range map[string]struct {
		command, rawQuery, body string
		want                    string // "" is a random one
	}{
		"the sample":                   {profile, "", sample.Body, sample.EventID},
		"the sample with a RequestId":  {profile, "RequestId=" + requestID, sample.Body, sample.EventID},
		"a profile without a time":     {profile, "", `{"From_Account":"u","ProfileItem":[]}`, ""},
		"a profile at zero":            {profile, "", `{"From_Account":"u","ProfileItem":[],"EventTime":0}`, ""},
		"a profile with a RequestId":   {profile, "RequestId=" + requestID, `{"From_Account":"u","ProfileItem":[]}`, callback.EventID(sample.SDKAppID, profile, requestID, `{"From_Account":"u","ProfileItem":[]}`)},
		"other news with a time":       {friends, "", `{"EventTime":1}`, callback.EventID(sample.SDKAppID, friends, "", `{"EventTime":1}`)},
		"other news without anything":  {friends, "", `{}`, ""},
		"other news with a RequestId":  {friends, "RequestId=" + requestID, `{}`, callback.EventID(sample.SDKAppID, friends, requestID, `{}`)},
		"other news with another name": {friends, "RequestId=prod", `{}`, ""},
	} {
		a, b := decode(t, tc.command, tc.rawQuery, tc.body), decode(t, tc.command, tc.rawQuery, tc.body)
		if same := a.ID() == b.ID(); same != (tc.want != "") || same && a.ID() != tc.want || len(a.ID()) != 32 {
			t.Errorf("%s: got %s and %s, want %s", name, a.ID(), b.ID(), tc.want)
		}
		if e := a.WithID("stored"); e.ID() != "stored" || e.Attributes().ID != "stored" {
			t.Errorf("%s: got %s", name, e.ID())
		}
	}
}

func TestEvent(t *testing.T) {
	p := decode(t, "Profile.CallbackPortraitSet", "", sample.Body)
	if p.Subject() != "id1" || p.FromAccount() != "id1" || p.Operator() != "id1" || p.Lane() != "1400000000/id1" || !p.IsProfile() || len(p.Changed()) != 4 || string(p.Received()) != sample.Body {
		t.Errorf("got %+v", p)
	}
	if _, ok := p.Neutral(callback.PolicyAllow); ok {
		t.Error("news has an answer")
	}
	g := decode(t, "Group.CallbackBeforeSendMsg", "", `{"GroupId":"g","From_Account":"a","Operator_Account":"o"}`)
	if g.Subject() != "g" || g.FromAccount() != "a" || g.Operator() != "o" || g.Lane() != "1400000000:group/g" || g.IsProfile() || g.Changed() != nil {
		t.Errorf("got %+v", g)
	}
	if answer, ok := g.Neutral(callback.PolicyForbid); !ok || string(answer) != `{"ActionStatus":"OK","ErrorCode":1,"ErrorInfo":""}` {
		t.Errorf("got %s, %v", answer, ok)
	}
	if a := g.Attributes(); a.Subject != "g" || a.PartitionKey != g.Lane() || a.Operator != "o" || a.Command != "Group.CallbackBeforeSendMsg" || a.Time != "" {
		t.Errorf("got %+v", a)
	}
	if got, want := string(g.AppendJSON(nil)), `{"sdk_appid":1400000000,"command":"Group.CallbackBeforeSendMsg","subject":"g","data":{"GroupId":"g","From_Account":"a","Operator_Account":"o"}}`; got != want {
		t.Errorf("got %s", got)
	}
	if _, err := Decode(&callback.Query{SDKAppID: "1", Command: "Profile.CallbackPortraitSet"}, "", []byte("{}")); err == nil {
		t.Error("a profile without a user was decoded")
	}
}
