package checker

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// An endpoint may accept other commands than the profile command, and not that one.
func TestAnotherCommand(t *testing.T) {
	const command = "Group.CallbackAfterSendMsg"
	for name, test := range map[string]struct {
		body string
		lax  string
		want []string // what fails
	}{
		"right":                    {body: `{"CallbackCommand":"Group.CallbackAfterSendMsg","MsgSeq":18446744073709551615}`},
		"white space around":       {body: "\n{ \"CallbackCommand\": \"Group.CallbackAfterSendMsg\" }\n"},
		"no command in the body":   {body: `{"a":"<&>"}`},
		"an empty object":          {body: `{}`},
		"lax with the command":     {body: `{}`, lax: "command_mismatch", want: []string{"command_mismatch"}},
		"lax with JSON":            {body: `{}`, lax: "not_json", want: []string{"not_json"}},
		"lax with the size":        {body: `{}`, lax: "huge_body", want: []string{"huge_body"}},
		"lax with plain HTTP":      {body: `{}`, lax: "plain_http", want: []string{"plain_http"}},
		"refuses what is news":     {body: `{}`, lax: "news", want: []string{"news"}},
		"refuses all":              {body: `{}`, lax: "accepts", want: []string{"accepts"}},
		"takes whatever signs say": {body: `{}`, lax: "wrong_sign", want: []string{"wrong_sign"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t)
			served := &endpoint{token: token, command: command, lax: test.lax}
			e := serve(t, served, a.chain(a.leaf(t, nil)), nil)
			e.TLS, e.Command, e.Body = a.trusted(), command, []byte(test.body)
			report := check(t, e)
			if got := names(report, Failed); !slices.Equal(got, test.want) {
				t.Errorf("failed %v, want %v", got, test.want)
			}
			if f := find(report, "accepts"); strings.Contains(f.Fix, "--command") {
				t.Errorf("the flags that were used are recommended again: %s", f.Fix)
			}
		})
	}
}

// Every command of which there is a sample can be checked without a body.
func TestSamples(t *testing.T) {
	for _, command := range tencent.SampleCommands() {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			a := newAuthority(t)
			served := &endpoint{token: token, command: command}
			if c, _ := callback.Lookup(command); c.ResultItems != "" {
				served.accept = answers(`,"ResultItem":[{"To_Account":"tim-callback-check-2","ResultCode":0},{"To_Account":"tim-callback-check-3","ResultCode":38000}]`)
			}
			e := serve(t, served, a.chain(a.leaf(t, nil)), nil)
			e.TLS, e.Command = a.trusted(), command
			report := check(t, e)
			if got := names(report, Failed); len(got) > 0 || report.NotTold > 0 {
				t.Errorf("failed %v, got %+v", got, report)
			}
			if len(served.events) < 4 {
				t.Errorf("%d different callbacks were accepted", len(served.events))
			}
		})
	}
}

// answers returns the handler that answers OK with further members.
func answers(more string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write([]byte(`{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""` + more + `}`))
	}
}

// An answer that says OK is no valid one to a command that asks for a decision about friends.
func TestAnswerByTheRulesOfTheCommand(t *testing.T) {
	served, e := right(t, nil)
	served.command, e.Command = "Sns.CallbackPrevFriendAdd", "Sns.CallbackPrevFriendAdd"
	report := check(t, e)
	if f := find(report, "answer"); f.Result != Failed || !strings.Contains(f.Detail, "ResultItem is missing") || !strings.Contains(f.Fix, "To_Account") {
		t.Errorf("got %+v", f)
	}
}

// If the profile command is refused, the report names the command as a possible reason.
func TestRefusedCommand(t *testing.T) {
	for _, signed := range []string{token, ""} {
		served, e := right(t, nil)
		served.command, served.token, e.Token = "Group.CallbackAfterSendMsg", signed, signed
		f := find(check(t, e), "accepts")
		if f.Result != Failed || !strings.Contains(f.Fix, "does not accept "+profile.Command+", check it with a callback that it accepts (--command, and --body if there is no sample of it)") ||
			signed == "" && !strings.Contains(f.Fix, "--token-file") || signed != "" && !strings.Contains(f.Fix, "clocks") {
			t.Errorf("%s: %s", f.Result, f.Fix)
		}
	}
}

func TestGivenBodiesThatAreNone(t *testing.T) {
	served, e := right(t, func(http.ResponseWriter, *http.Request, string) {})
	for body, want := range map[string]string{
		"":                                 "--body: it is not one JSON object",
		"[]":                               "--body: it is not one JSON object",
		"null":                             "--body: it is not one JSON object",
		"{}{}":                             "--body: it is not one JSON object",
		"{\"a\":\"\xff\"}":                 "--body: it is not one JSON object",
		`{"CallbackCommand":1}`:            "--body: it is not one JSON object",
		`{"CallbackCommand":"Group.Else"}`: `--body: its CallbackCommand is "Group.Else", but --command is Profile.CallbackPortraitSet`,
	} {
		e.Body = []byte(body)
		if _, err := Run(t.Context(), e, nil); err == nil || err.Error() != want {
			t.Errorf("%q: %v", body, err)
		}
	}
	e.Body, e.Command = nil, "Group.CallbackAfterGroupFull"
	if _, err := Run(t.Context(), e, nil); err == nil || !strings.HasPrefix(err.Error(), "--command: Group.CallbackAfterGroupFull needs a body") || !strings.HasSuffix(err.Error(), "use --body") {
		t.Errorf("no body: %v", err)
	}
	if len(served.events) > 0 {
		t.Errorf("something was sent: %v", served.events)
	}
}
