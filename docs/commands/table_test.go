package main

import (
	"os"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// TestTable holds the page to the code.
func TestTable(t *testing.T) {
	text, err := os.ReadFile("../callbacks.md")
	if err != nil {
		t.Fatal(err)
	}
	want, err := replaceTable(string(text))
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != want {
		t.Error("docs/callbacks.md has another table than the code: run go run ./docs/commands")
	}
}

func TestTableRows(t *testing.T) {
	text := table()
	for _, row := range []string{
		"| `State.StateChange` | news | `Info.To_Account` | account |  | yes |\n",
		"| `C2C.CallbackBeforeSendMsg` | decision | `From_Account` | conversation | `MsgBody`, `CloudCustomData` | yes |\n",
		"| `Sns.CallbackPrevFriendAdd` | decision | `From_Account` | account | `ResultItem`, required: one for each `To_Account` in `FriendItem` | yes |\n",
		"| `Chatbot.OnC2CSignalMessage` | decision | `From_Account` | account | `RspData`, required | yes |\n",
		"| `Alert.RequestOverLimit` | news |  | command |  | yes |\n",
		"| `Push.TagPush` | news | `Events[].To_Account` or `Events[].TaskId` | account |  | no |\n",
	} {
		if !strings.Contains(text, row) {
			t.Errorf("it lacks the row %s", row)
		}
	}
	if got, want := strings.Count(text, "\n"), 2+len(callback.Commands()); got != want {
		t.Errorf("it has %d lines, want %d", got, want)
	}
}

func TestReplaceTable(t *testing.T) {
	for _, text := range []string{"", begin, end + begin} {
		if _, err := replaceTable(text); err == nil {
			t.Errorf("no error for %q", text)
		}
	}
	got, err := replaceTable("a\n" + begin + "old\n" + end + "z\n")
	if err != nil || got != "a\n"+begin+"\n"+table()+"\n"+end+"z\n" {
		t.Errorf("got %s, %v", got, err)
	}
}
