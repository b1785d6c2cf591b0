package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/d13c7061/caddy-tim-callback/internal/checker"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

func checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check --url <url> --sdk-appid <id> [flags]",
		Short: "Probes an endpoint for callbacks and says what it gets wrong",
		Long: `
Probes an endpoint for callbacks, which may be tim_callback or any other
program, and prints what it gets right and wrong: whether it accepts a genuine
callback and answers it as Tencent expects, whether it refuses callbacks that
are not genuine, and whether TLS, the certificate and the connection are as they
should be.

The command sends about 30 requests, one after the other. All of them are
callbacks Profile.CallbackPortraitSet about the user "` + checker.User + `"
(--from sets another UserID), and set the user's Tag_Profile_IM_Nick to
"` + checker.User + `". If the endpoint does not accept this command, use
--command to name one that it accepts. Choose one that may arrive several times.
--body gives the body of its callbacks if there is no sample of it
(` + "`caddy tim-callback send --help`" + ` lists the samples).

With --decision, one more callback asks for a decision, for instance with
--decision C2C.CallbackBeforeSendMsg. The endpoint must answer it in time with
what this command allows: a request for friends needs a ResultItem for each
account, Chatbot.OnC2CSignalMessage needs RspData, and ErrorCode must have a
value that Tencent documents. --decision-body gives the body if there is no
sample. The samples also name the users tim-callback-check-2 and
tim-callback-check-3, the robot @RBT#001 and the group @TGS#tim-callback-check.

The endpoint should accept the callbacks of the probes accepts, keep_alive,
news, decision and still_accepts, about 5, and will process them. All other
callbacks have one thing wrong. An endpoint that checks too little also
processes the callbacks of plain_http, client_cert, method, wrong_app (SdkAppid
` + checker.OtherApp + `), repeated_app, no_sign, wrong_sign, stale, stale_minutes, future,
command_mismatch (` + "`Profile.TimCallbackCheck`" + `), not_json, and huge_body (1 MiB,
nearly all of it blank space).

A callback is refused if the status of the answer is not 2xx, if the answer says
FAIL, or if the connection is closed. If the endpoint answers genuine callbacks
with OK, an answer without OK is a refusal, too. What an endpoint does in spite
of a refusal cannot be seen from outside. A refusal proves nothing if genuine
callbacks are not accepted either. Probes that prove nothing, and probes without
an answer within 5 seconds, are marked with "?" ("not_told" in JSON).

Plain HTTP is tried at the port of the URL and, if that is 443, at port 80, or
only at --http-url. A redirect is a refusal, since Tencent does not follow it.
The first callback over plain HTTP is unsigned. Only if it gets the same status
there as over HTTPS, a callback with a valid Sign follows, because anybody who
listens could use that Sign until it is too old.

With --insecure, callbacks are sent even if the certificate is not trusted. The
report still says that the certificate is wrong.

The exit code is 0 if nothing that matters failed. It is 1 if something that
matters failed or could not be checked, or if the flags are wrong. Warnings
alone do not make it 1.`,
		Example: `  $ caddy tim-callback check --url https://im.example.com/im/callback \
      --sdk-appid 1400000000 --token-file token.txt
  $ caddy tim-callback check --url https://im.example.com/im/callback \
      --sdk-appid 1400000000 --command C2C.CallbackAfterSendMsg \
      --decision C2C.CallbackBeforeSendMsg
  $ caddy tim-callback check --url https://im.example.com/im/callback \
      --sdk-appid 1400000000 --command Sns.CallbackFriendAdd --body friend.json`,
		Args: cobra.NoArgs,
		RunE: verdictCommand(check),
	}
	flags := cmd.Flags()
	targetFlags(flags)
	flags.String("from", checker.User, "`UserID` of the user")
	flags.String("command", profile.Command, "The command")
	flags.String("body", "", "A `file` with the body; - is standard input")
	flags.String("decision", "", "Also check this `command`, which asks for a decision")
	flags.String("decision-body", "", "A `file` with the body of that command")
	flags.String("http-url", "", "`URL` for plain HTTP (default from the callback URL)")
	flags.Bool("json", false, "Print the report as JSON, for scripts")
	flags.BoolP("verbose", "v", false, "Print why each probe matters and how to fix it")
	return cmd
}

func check(ctx context.Context, cmd *cobra.Command, flags caddycmd.Flags) (good bool, err error) {
	t, err := parseTarget(flags)
	if err != nil {
		return false, err
	}
	if flags.String("command") == allCommands {
		return false, errors.New("--command: check needs one command, not all")
	}
	command, body, err := parseCommand(flags, cmd.InOrStdin(), "from")
	if err != nil {
		return false, err
	}
	decision, decisionBody := flags.String("decision"), []byte(nil)
	if flags.Changed("decision-body") {
		if flags.String("body") == "-" && flags.String("decision-body") == "-" {
			return false, errors.New("--body and --decision-body cannot both be standard input")
		}
		if decisionBody, err = readBody(flags, "decision-body", cmd.InOrStdin()); err != nil {
			return false, err
		}
	}
	progress, erase := checkProgress()
	report, err := checker.Run(ctx, checker.Endpoint{
		URL: t.url, PlainURL: flags.String("http-url"), SDKAppID: t.app, Token: t.token, TLS: t.tls,
		Command: command, Body: body, User: flags.String("from"),
		Decision: decision, DecisionBody: decisionBody,
	}, progress)
	erase()
	if err != nil {
		return false, err
	}
	if flags.Bool("json") {
		encoder := json.NewEncoder(os.Stdout)
		encoder.SetEscapeHTML(false)
		encoder.SetIndent("", "\t")
		return report.OK, encoder.Encode(report)
	}
	width, terminal := console.Terminal(os.Stdout)
	return report.OK, report.Write(os.Stdout, checker.Style{
		Width: min(width, console.DefaultWidth), Palette: console.PaletteFor(os.Stdout), Brief: terminal, Verbose: flags.Bool("verbose"),
	})
}

// checkProgress returns functions that show the current probe in one line on a terminal,
// and erase this line. If there is no terminal, show is nil and erase does nothing.
func checkProgress() (show func(done, of int, title string), erase func()) {
	if !console.Capable(os.Stderr) {
		return nil, func() {}
	}
	const eraseLine = "\r\x1b[K"
	return func(done, of int, title string) { fmt.Fprintf(os.Stderr, eraseLine+"%d/%d %s", done+1, of, title) },
		func() { fmt.Fprint(os.Stderr, eraseLine) }
}
