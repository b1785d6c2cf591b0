package callback

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestCommands holds the table to itself.
func TestCommands(t *testing.T) {
	path := regexp.MustCompile(`^[A-Za-z]\w*(\[\])?(\.[A-Za-z]\w*)?$`)
	seen := make(map[string]bool)
	documented := 0
	for _, c := range Commands() {
		if seen[c.Name] || c.Family() == "" {
			t.Errorf("%s is there a second time, or has no family", c.Name)
		}
		seen[c.Name] = true
		if c.Documented {
			documented++
		}
		last := c.Name[strings.LastIndexByte(c.Name, '.')+1:]
		byName := News
		if strings.HasPrefix(last, "CallbackBefore") || strings.HasPrefix(last, "CallbackPrev") || c.Name == "Chatbot.OnC2CSignalMessage" {
			byName = Decision
		}
		if c.Kind != byName {
			t.Errorf("%s is %s", c.Name, c.Kind)
		}
		if (c.Lane == LaneCommand) != (len(c.Subject) == 0) || c.Lane == "" {
			t.Errorf("%s: lane %s of %q", c.Name, c.Lane, c.Subject)
		}
		for _, p := range slices.Concat(c.Subject, c.Unique, []string{c.EventTime}) {
			if !path.MatchString(p) {
				t.Errorf("%s: %q is not a path", c.Name, p)
			}
		}
		if c.EventTimeUnit != time.Millisecond && c.EventTimeUnit != time.Second {
			t.Errorf("%s: times in %s", c.Name, c.EventTimeUnit)
		}
		if c.Kind == News && (len(c.Answer) > 0 || c.ResultItems != "" || c.NoNeutral) {
			t.Errorf("%s needs no answer", c.Name)
		}
		if got, known := Lookup(c.Name); !known || got.Name != c.Name || got.EventTime == "" {
			t.Errorf("%s is looked up as %+v, %v", c.Name, got, known)
		}
	}
	if documented != 83 {
		t.Errorf("%d documented commands", documented)
	}
}

func TestLookupUnknown(t *testing.T) {
	for name, want := range map[string]Kind{
		"Group.CallbackAfterSomething": News, "New.Family.CallbackAfterX": News, "CallbackAfterX": News,
		"Group.CallbackBeforeSomething": Decision, "Group.Callbackafterx": Decision, "X": Decision, "": Decision, "CallbackAfter.X": Decision,
	} {
		neutral := want == News || strings.Contains(name, "CallbackBefore")
		if c, known := Lookup(name); known || c.Kind != want || c.Name != name || c.Lane != LaneCommand || c.NoNeutral == neutral {
			t.Errorf("%s: %+v, %v", name, c, known)
		}
	}
}

func TestPattern(t *testing.T) {
	for pattern, commands := range map[Pattern]struct{ match, other string }{
		"all":                      {"Group.CallbackAfterSendMsg", ""},
		"*":                        {"x", ""},
		"profile":                  {"Profile.CallbackPortraitSet", "Profile.Other"},
		"Group.*":                  {"Group.CallbackAfterSendMsg", "GroupX.CallbackAfterSendMsg"},
		"C2C.CallbackAfterSendMsg": {"C2C.CallbackAfterSendMsg", "C2C.CallbackAfterSendMsgException"},
		"New.*":                    {"New.Thing", "New"},
	} {
		if err := pattern.Check(); err != nil {
			t.Errorf("%s: %v", pattern, err)
		}
		if !pattern.Match(commands.match) || commands.other != "" && pattern.Match(commands.other) {
			t.Errorf("%s does not match %s, or matches %s", pattern, commands.match, commands.other)
		}
	}
	for _, pattern := range []Pattern{"", "Group", "Group.", ".x", "*.x", "Gr*.x", "Group.Callback*", "all.*.x", "Group .x", "{env.X}.y", "ALL"} {
		if err := pattern.Check(); err == nil {
			t.Errorf("%q: no error", pattern)
		} else if len(pattern) > 6 && strings.Contains(err.Error(), string(pattern)) {
			t.Errorf("%q is quoted: %v", pattern, err)
		}
	}
	for pattern, want := range map[Pattern]bool{"all": true, "Group.*": true, "Follow.*": false, "New.*": false, "New.X": true, "profile": false} {
		if got := pattern.Decides(); got != want {
			t.Errorf("%s decides: %v", pattern, got)
		}
	}
	for pair, want := range map[[2]Pattern]bool{
		{"all", "Group.*"}: true, {"Group.*", "*"}: true, {"Group.*", "Group.*"}: true, {"Group.*", "C2C.*"}: false, {"Group.*", "Group.X"}: true,
		{"Group.X", "Group.*"}: true, {"Group.X", "Group.Y"}: false, {"profile", "Profile.*"}: true, {"Profile.CallbackPortraitSet", "profile"}: true,
	} {
		if got := pair[0].Overlaps(pair[1]); got != want {
			t.Errorf("%s and %s overlap: %v", pair[0], pair[1], got)
		}
	}
	for pattern, want := range map[Pattern][3]bool{ // known, may be news, may be a decision
		"all": {true, true, true}, "profile": {true, true, false}, "Group.*": {true, true, true}, "Follow.*": {true, true, true},
		"C2C.CallbackBeforeSendMsg": {true, false, true}, "New.*": {false, true, true}, "New.CallbackAfterX": {false, true, false}, "New.X": {false, false, true},
	} {
		if got := [3]bool{pattern.Known(), pattern.MayMatch(News), pattern.MayMatch(Decision)}; got != want {
			t.Errorf("%s: got %v", pattern, got)
		}
	}
}

func TestNeutral(t *testing.T) {
	message, _ := Lookup("C2C.CallbackBeforeSendMsg")
	friends, _ := Lookup("Sns.CallbackPrevFriendAdd")
	signal, _ := Lookup("Chatbot.OnC2CSignalMessage")
	unknown, _ := Lookup("New.CallbackBeforeX")
	odd, _ := Lookup("New.OnX")
	s := &Scan{ResultItems: []string{"a", `"b"`}}
	for _, tc := range []struct {
		policy  Policy
		command *Command
		want    string
	}{
		{PolicyAllow, message, `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}`},
		{PolicyForbid, message, `{"ActionStatus":"OK","ErrorCode":1,"ErrorInfo":""}`},
		{PolicyError, message, ""},
		{"", message, ""},
		{PolicyAllow, unknown, `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}`},
		{PolicyAllow, friends, `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":"","ResultItem":[{"To_Account":"a","ResultCode":0,"ResultInfo":""},{"To_Account":"\"b\"","ResultCode":0,"ResultInfo":""}]}`},
		{PolicyForbid, friends, `{"ActionStatus":"OK","ErrorCode":1,"ErrorInfo":"","ResultItem":[{"To_Account":"a","ResultCode":38000,"ResultInfo":""},{"To_Account":"\"b\"","ResultCode":38000,"ResultInfo":""}]}`},
		{PolicyAllow, odd, ""},
		{PolicyAllow, signal, ""},
		{PolicyForbid, signal, ""},
	} {
		answer, ok := Neutral(tc.policy, tc.command, s)
		if string(answer) != tc.want || ok != (tc.want != "") {
			t.Errorf("%s for %s: %s, %v", tc.policy, tc.command.Name, answer, ok)
		}
		if _, ok := Neutral(tc.policy, friends, new(Scan)); ok {
			t.Error("a request for nobody has an answer")
		}
		if ok {
			if _, err := ParseAnswer(answer); err != nil {
				t.Error(err)
			}
		}
	}
}
