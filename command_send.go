package timcallback

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/internal/simulator"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// maxConcurrency is far beyond what one machine's ports and open files allow for.
const maxConcurrency = 50_000

func sendCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "send --url <url> --sdk-appid <id> [flags]",
		Short: "Sends callbacks as Tencent would, and judges the answers as it would",
		Long: `
Sends signed callbacks to a callback URL, over kept-alive connections, and says
whether Tencent would take the answers: status 200 and the JSON of a callback
answer, within 2 seconds.

The body is the sample of Tencent's documents, or made of --from, --operator,
--item and --event-time, or any --body. The EventTime is the time of sending;
with --count each callback gets another one, at least a millisecond later, since
the same words at the same time are the same event. A --body is sent as it is,
each time the same.

The token comes from --token-file, the environment variable
` + tokenVariable + `, or --token, which ends up in the shell's history.
Without one, callbacks are not signed. Neither the token nor a Sign is printed.

An endpoint takes what is sent for real: give a test user with --from.

The exit code is 0 only if all answers would be taken, whatever they say. At an
interrupt (Ctrl-C) nothing more is sent, and what was sent until then decides: 0
if it was anything and all of it taken. A second interrupt stops at once.`,
		Example: `  $ caddy tim-callback send --url https://localhost:8443/im/callback \
      --sdk-appid 1400000000 --token xxxxyyyy --insecure
  $ caddy tim-callback send --url https://im.example.com/im/callback \
      --sdk-appid 1400000000 --from id2 --operator admin --platform RESTAPI \
      --item Tag_Profile_IM_Nick=nick2 --item Tag_Profile_IM_Level=3
  $ caddy tim-callback send --url https://im.example.com/im/callback \
      --sdk-appid 1400000000 --count 10000 --rate 500 --concurrency 64 --json`,
		Args: cobra.NoArgs,
		RunE: verdictCommand(send),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	targetFlags(flags)
	flags.String("from", "id1", "`UserID` of whose profile changed")
	flags.String("operator", "", "`UserID` of who changed it (default that of --from)")
	flags.StringArray("item", nil, "A changed field, `Tag=Value`; repeatable")
	flags.String("event-time", "", "Time of the change, in `ms` or RFC 3339 (default now)")
	flags.String("body", "", "A `file` with the whole body; - is standard input")
	flags.String("command", profile.Command, "The callback")
	flags.String("platform", "iOS", "OptPlatform, e.g. Web or RESTAPI")
	flags.String("client-ip", "127.0.0.1", "ClientIP, IPv4 or IPv6")
	flags.Int("count", 1, "How many callbacks to send")
	flags.Float64("rate", 0, "Callbacks a second (default as fast as answered)")
	flags.Int("concurrency", 1, "How many may wait for an answer at once")
	flags.Bool("json", false, "Print one JSON object, for scripts")
	return cmd
}

func send(ctx context.Context, cmd *cobra.Command, flags caddycmd.Flags) (taken bool, err error) {
	target, err := parseTarget(flags)
	if err != nil {
		return false, err
	}
	s := &simulator.Simulator{URL: target.url}
	if s.Load, err = parseLoad(flags); err != nil {
		return false, err
	}
	if s.Callback, err = parseCallback(flags, target); err != nil {
		return false, err
	}
	if s.Body, err = parseBody(flags, s.Load.Count, cmd.InOrStdin()); err != nil {
		return false, err
	}
	s.Sender = tencent.NewSender(target.tls, s.Load.Concurrency)
	defer s.Sender.Close()

	var tally simulator.Tally
	hide := func() {}
	if s.Load.Count > 1 && console.Capable(cmd.ErrOrStderr()) {
		hide = tally.ShowProgress(cmd.ErrOrStderr(), s.Load.Count)
	}
	err = s.Run(ctx, &tally)
	hide()
	if err != nil {
		return false, err
	}
	report, out := tally.Report(s.Load.Count), cmd.OutOrStdout()
	if flags.Bool("json") {
		err = report.WriteJSON(out)
	} else {
		err = report.WriteText(out, console.PaletteFor(out))
	}
	return report.AllTaken, err
}

func parseLoad(flags caddycmd.Flags) (simulator.Load, error) {
	l := simulator.Load{Count: flags.Int("count"), Rate: flags.Float64("rate"), Concurrency: flags.Int("concurrency")}
	switch {
	case l.Count < 1:
		return l, fmt.Errorf("--count: %d is not at least 1", l.Count)
	case l.Concurrency < 1:
		return l, fmt.Errorf("--concurrency: %d is not at least 1", l.Concurrency)
	case l.Concurrency > maxConcurrency:
		return l, fmt.Errorf("--concurrency: %d is more than %d", l.Concurrency, maxConcurrency)
	case flags.Changed("rate") && !(l.Rate > 0 && l.Rate <= math.MaxFloat64):
		return l, fmt.Errorf("--rate: %v is not greater than zero", l.Rate)
	}
	return l, nil
}

func parseCallback(flags caddycmd.Flags, t target) (profile.Callback, error) {
	c := profile.Callback{
		SDKAppID: t.app, Token: t.token,
		Command: flags.String("command"), OptPlatform: flags.String("platform"), ClientIP: flags.String("client-ip"),
	}
	switch {
	case c.Command == "":
		return c, errors.New("--command is empty")
	case c.OptPlatform == "":
		return c, errors.New("--platform is empty")
	}
	if _, err := netip.ParseAddr(c.ClientIP); err != nil {
		return c, fmt.Errorf("--client-ip: %q is not an IP address", c.ClientIP)
	}
	return c, nil
}

// parseBody returns what makes the bodies of count callbacks.
func parseBody(flags caddycmd.Flags, count int, stdin io.Reader) (func() []byte, error) {
	if flags.Changed("body") {
		return givenBody(flags, stdin)
	}
	if command := flags.String("command"); command != profile.Command {
		return nil, fmt.Errorf("--command %s needs its --body: only that of %s can be made here", command, profile.Command)
	}
	change := simulator.Sample()
	change.From, change.Operator = flags.String("from"), flags.String("from")
	if flags.Changed("operator") {
		change.Operator = flags.String("operator")
	}
	if err := simulator.CheckUserID(change.From); err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	if err := simulator.CheckUserID(change.Operator); err != nil {
		return nil, fmt.Errorf("--operator: %w", err)
	}
	if flags.Changed("item") {
		change.Items = nil
		for _, s := range flags.Lookup("item").Value.(pflag.SliceValue).GetSlice() {
			item, err := simulator.ParseItem(s)
			if err != nil {
				return nil, fmt.Errorf("--item: %w", err)
			}
			change.Items = append(change.Items, item)
		}
	}
	clock := new(simulator.EventClock)
	if flags.Changed("event-time") {
		var err error
		if clock.Start, err = simulator.ParseEventTime(flags.String("event-time")); err != nil {
			return nil, fmt.Errorf("--event-time: %w", err)
		}
		if left := simulator.MaxEventTime.UnixMilli() - clock.Start.UnixMilli(); int64(count-1) > left {
			return nil, fmt.Errorf("--event-time: %d callbacks, a millisecond apart, end after the year 9999", count)
		}
	}
	return func() []byte { return change.Body(clock.Next()) }, nil
}

func givenBody(flags caddycmd.Flags, stdin io.Reader) (func() []byte, error) {
	for _, name := range []string{"from", "operator", "item", "event-time"} {
		if flags.Changed(name) {
			return nil, fmt.Errorf("--body and --%s exclude each other", name)
		}
	}
	name := flags.String("body")
	var body []byte
	var err error
	if name == "-" {
		body, err = io.ReadAll(stdin)
	} else {
		body, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("--body: %w", err)
	}
	return func() []byte { return body }, nil
}
