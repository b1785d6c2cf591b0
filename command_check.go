package timcallback

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/d13c7061/caddy-tim-callback/internal/checker"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
)

func checkCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "check --url <url> --sdk-appid <id> [--token-file <file>]",
		Short: "Probes an endpoint for callbacks and says what it gets wrong",
		Long: `
Probes an endpoint for the callback Profile.CallbackPortraitSet, tim_callback or
any other program, and prints what it gets right and wrong: whether it accepts a
genuine callback and answers it as Tencent needs it, refuses what is not genuine,
and whether TLS, certificate and connection are as they should be.

About 30 requests are sent, one after the other. All callbacks are about the user
"` + checker.User + `" (--from sets another UserID), whose Tag_Profile_IM_Nick
they set to "` + checker.User + `". The endpoint should accept, and so process,
those of the probes accepts, keep_alive, news and still_accepts: about 4. All
others are such callbacks, too, with one thing wrong. An endpoint that checks too
little processes those of plain_http, client_cert, method, wrong_app (SdkAppid
` + checker.OtherApp + `), repeated_app, no_sign, wrong_sign, stale, stale_minutes,
future, command_mismatch (` + "`Profile.TimCallbackCheck`" + `), not_json, and
huge_body (1 MiB, nearly all blank space).

Refused is what is not answered with a 2xx status and, if genuine callbacks are
told OK, with OK: a FAIL with status 200
is a refusal, and so is a closed connection. What an endpoint does in spite of
refusing cannot be seen from outside. If genuine callbacks are not accepted,
a refusal would say nothing: such probes are "not told", as are those with no
answer within 5 seconds.

Plain HTTP is tried at the port of the URL, and at port 80 if that is 443, or at
--http-url. A redirect is a refusal, since Tencent does not follow it. Only if an
unsigned callback gets the same status there as over HTTPS, one with a valid Sign
is sent: who listens could use it until the endpoint takes it for stale.

With --insecure, callbacks are sent in spite of a certificate that is not trusted,
which is reported as failed all the same.

The exit code is 0 if nothing that matters failed. It is 1 if something did, or
could not be told, or if the flags are wrong. Warnings alone do not make it 1.`,
		Example: `  $ caddy tim-callback check --url https://im.example.com/im/callback \
      --sdk-appid 1400000000 --token-file token.txt`,
		Args: cobra.NoArgs,
		RunE: verdictCommand(check),
	}
	flags := cmd.Flags()
	targetFlags(flags)
	flags.String("from", checker.User, "`UserID` that the callbacks are about")
	flags.String("http-url", "", "Where plain HTTP is tried (a `URL`; default the callback URL)")
	flags.Bool("json", false, "Print the report as JSON")
	flags.BoolP("verbose", "v", false, "Print all: what was seen, why it matters, how to mend it")
	return cmd
}

func check(ctx context.Context, _ *cobra.Command, flags caddycmd.Flags) (good bool, err error) {
	t, err := parseTarget(flags)
	if err != nil {
		return false, err
	}
	progress, erase := checkProgress()
	report, err := checker.Run(ctx, checker.Endpoint{
		URL: t.url, PlainURL: flags.String("http-url"), SDKAppID: t.app, Token: t.token, User: flags.String("from"), TLS: t.tls,
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

// checkProgress shows on a terminal what is being done, in one line.
func checkProgress() (show func(done, of int, title string), erase func()) {
	if !console.Capable(os.Stderr) {
		return nil, func() {}
	}
	const eraseLine = "\r\x1b[K"
	return func(done, of int, title string) { fmt.Fprintf(os.Stderr, eraseLine+"%d/%d %s", done+1, of, title) },
		func() { fmt.Fprint(os.Stderr, eraseLine) }
}
