package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/internal/simulator"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// maxConcurrency is more than the ports and open files of one machine allow.
const maxConcurrency = 50_000

// allCommands is the --command that stands for all commands with a sample.
const allCommands = "all"

func sendCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "send --url <url> --sdk-appid <id> [flags]",
		Short: "Sends callbacks like Tencent, and says whether Tencent would accept the answers",
		Long: `
Sends signed callbacks to a callback URL over persistent connections, and says
whether Tencent would accept the answers. Tencent accepts an answer with status
200 and the JSON of a callback answer that arrives within 2 seconds. If Tencent
asks for a decision, the answer must also be one that the command allows.

The body is a sample with the fields of Tencent's documents. There is a sample
of each of these commands:

` + columns(tencent.SampleCommands()) + `
--command names one of them, and --command all sends one callback of each. Other
commands need --body, which replaces the sample.

--from and --event-time change the samples. --operator and --item are only for
` + profile.Command + `. The EventTime is the time of sending. Each
callback has an EventTime that is at least a millisecond later than the one
before, and a MsgSeq and MsgKey of its own if it has these fields, because two
callbacks with the same body are the same event. A --body is sent unchanged each
time.

The token comes from --token-file, from the environment variable
` + tokenVariable + `, or from --token, which stays in the history of the shell.
Without a token, callbacks are not signed. Neither the token nor a Sign is
printed.

The endpoint processes what is sent like any other callback. Use the UserID of a
test user for --from. The samples also name the users id2 and id3, the robot
@RBT#001 and the group @TGS#2J4SZEAEL.

The exit code is 0 only if Tencent would accept all answers, whatever they say.
After an interrupt (Ctrl-C) nothing more is sent. The exit code is then 0 if at
least one callback was sent and Tencent would accept all answers so far. A
second interrupt stops the command at once.`,
		Example: `  $ caddy tim-callback send --url https://localhost:8443/im/callback \
      --sdk-appid 1400000000 --token xxxxyyyy --insecure
  $ caddy tim-callback send --url https://im.example.com/im/callback \
      --sdk-appid 1400000000 --from id2 --operator admin --platform RESTAPI \
      --item Tag_Profile_IM_Nick=nick2 --item Tag_Profile_IM_Level=3
  $ caddy tim-callback send --url https://im.example.com/im/callback \
      --sdk-appid 1400000000 --command Group.CallbackAfterSendMsg
  $ caddy tim-callback send --url https://im.example.com/im/callback \
      --sdk-appid 1400000000 --count 10000 --rate 500 --concurrency 64 --json`,
		Args: cobra.NoArgs,
		RunE: verdictCommand(send),
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	targetFlags(flags)
	flags.String("command", profile.Command, "The command")
	flags.String("from", "id1", "`UserID` that callbacks are about")
	flags.String("operator", "", "`UserID` of who changed the profile (default --from)")
	flags.StringArray("item", nil, "A changed field of it, as `Tag=Value`; repeatable")
	flags.String("event-time", "", "Time of the event: Unix `ms` or RFC 3339 (default now)")
	flags.String("body", "", "A `file` with the whole body; - is standard input")
	flags.String("platform", "iOS", "OptPlatform, e.g. Web or RESTAPI")
	flags.String("client-ip", "127.0.0.1", "ClientIP, IPv4 or IPv6")
	flags.Int("count", 1, "How many to send, of each command")
	flags.Float64("rate", 0, "Callbacks per second (default no limit)")
	flags.Int("concurrency", 1, "How many may wait for an answer at a time")
	flags.Bool("json", false, "Print one JSON object, for scripts")
	return cmd
}

// columns lists names in two columns for a help text.
func columns(names []string) string {
	var b strings.Builder
	for i, name := range names {
		switch {
		case i%2 == 1:
			b.WriteString(name + "\n")
		case i == len(names)-1:
			b.WriteString("  " + name + "\n")
		default:
			fmt.Fprintf(&b, "  %-35s ", name)
		}
	}
	return b.String()
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
	if s.Next, err = parseCallbacks(flags, cmd.InOrStdin(), &s.Load.Count); err != nil {
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
		return l, fmt.Errorf("--count: %d is less than 1", l.Count)
	case l.Concurrency < 1:
		return l, fmt.Errorf("--concurrency: %d is less than 1", l.Concurrency)
	case l.Concurrency > maxConcurrency:
		return l, fmt.Errorf("--concurrency: %d is more than %d", l.Concurrency, maxConcurrency)
	case flags.Changed("rate") && !(l.Rate > 0 && l.Rate <= math.MaxFloat64):
		return l, fmt.Errorf("--rate: %v is not greater than zero", l.Rate)
	}
	return l, nil
}

func parseCallback(flags caddycmd.Flags, t target) (callback.Request, error) {
	c := callback.Request{
		SDKAppID: t.app, Token: t.token, OptPlatform: flags.String("platform"), ClientIP: flags.String("client-ip"),
	}
	switch {
	case c.OptPlatform == "":
		return c, errors.New("--platform is empty")
	}
	if _, err := netip.ParseAddr(c.ClientIP); err != nil {
		return c, fmt.Errorf("--client-ip: %q is not an IP address", c.ClientIP)
	}
	return c, nil
}

// parseCallbacks returns a function that makes the next of count callbacks. With
// --command all, it multiplies count by the number of commands.
func parseCallbacks(flags caddycmd.Flags, stdin io.Reader, count *int) (next func() (string, []byte), err error) {
	command, body, commands := flags.String("command"), []byte(nil), tencent.SampleCommands()
	switch {
	case command == allCommands && flags.Changed("body"):
		return nil, errors.New("--body and --command all cannot be used together")
	case command == allCommands && *count > math.MaxInt/len(commands):
		return nil, fmt.Errorf("--count: %d of each command are too many", *count)
	case command == allCommands:
		*count *= len(commands)
	default:
		if command, body, err = parseCommand(flags, stdin, "from", "operator", "item", "event-time"); err != nil {
			return nil, err
		}
		commands = []string{command}
	}
	if body != nil {
		return func() (string, []byte) { return command, body }, nil
	}
	from := flags.String("from")
	if err := simulator.CheckUserID(from); err != nil {
		return nil, fmt.Errorf("--from: %w", err)
	}
	clock, err := parseClock(flags, *count)
	if err != nil {
		return nil, err
	}
	if command == profile.Command {
		return parseChange(flags, from, clock)
	}
	for _, name := range []string{"operator", "item"} {
		if flags.Changed(name) {
			return nil, fmt.Errorf("--%s describes a change of a profile: without --command %s it cannot be used", name, profile.Command)
		}
	}
	return simulator.Samples(commands, from, clock), nil
}

// parseClock returns the clock that has the times of count events.
func parseClock(flags caddycmd.Flags, count int) (*simulator.EventClock, error) {
	clock := new(simulator.EventClock)
	if !flags.Changed("event-time") {
		return clock, nil
	}
	var err error
	if clock.Start, err = simulator.ParseEventTime(flags.String("event-time")); err != nil {
		return nil, fmt.Errorf("--event-time: %w", err)
	}
	if left := simulator.MaxEventTime.UnixMilli() - clock.Start.UnixMilli(); int64(count-1) > left {
		return nil, fmt.Errorf("--event-time: %d callbacks that are a millisecond apart would end after the year 9999", count)
	}
	return clock, nil
}

// parseChange returns a function that makes the next callback about a change of a profile.
func parseChange(flags caddycmd.Flags, from string, clock *simulator.EventClock) (func() (string, []byte), error) {
	change := simulator.Sample()
	change.From, change.Operator = from, from
	if flags.Changed("operator") {
		change.Operator = flags.String("operator")
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
	return func() (string, []byte) { return profile.Command, change.Body(clock.Next()) }, nil
}
