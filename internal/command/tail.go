package command

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

func tailCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tail [--result <result>] [--command <command>] [--subject <user>] [--id <id>] [--since 10m] [flags]",
		Short: "Shows callbacks as they are answered",
		Long: `
Shows the callbacks of a running Caddy, one line for each, as they are answered:
when it arrived, the result, the command, the subject (the user or group that it
is about), the beginning of the event's ID, the HTTP status, how long the answer
took, and which queue has stored it. What is wrong with a refused request is
shown as well, and who has sent it. No line has values of a payload.

The result is ok, passed (left to the next handlers), upstream_error,
upstream_timeout, queue_error, or the reason for which a request was refused,
such as bad_sign.

With --since, callbacks that were answered before come first. Caddy remembers
only the last ones: 1000, unless the global option tim_callback { recent <n> }
sets another number. With --no-follow the command prints what is remembered,
with what has become of it since, and ends.

After a reload or restart of Caddy, the command connects again and goes on where
it was. It ends with Ctrl-C, and the exit code is 0 then. It is 1 if there is no
answer from Caddy at the start.

The command sends its requests to Caddy's admin endpoint. The address of the
endpoint is --address, or the address in the configuration file of --config, or
else Caddy's default address.`,
		Example: `  $ caddy tim-callback tail
  $ caddy tim-callback tail --result bad_sign,stale --since 1h
  $ caddy tim-callback tail --command 'Group.*' --json
  $ caddy tim-callback tail --subject id1 --no-follow`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
			defer stop()
			context.AfterFunc(ctx, stop) // a second interrupt ends the process
			if err := tail(ctx, cmd, caddycmd.Flags{FlagSet: cmd.Flags()}); err != nil {
				return errors.New(console.Line(err.Error()))
			}
			return nil
		},
	}
	flags := cmd.Flags()
	adminFlags(flags)
	flags.StringSlice("result", nil, "Only callbacks with this `result`; repeatable")
	flags.String("command", "", "Only callbacks of this `command`, or of a family such as Group.*")
	flags.String("subject", "", "Only callbacks about this `user` or group")
	flags.String("id", "", "Only the event with this `ID`, or whose ID begins so")
	flags.String("since", "", "Begin with callbacks since this `time`: RFC 3339, or e.g. 10m ago")
	flags.Bool("no-follow", false, "Print what is remembered, and end")
	flags.Bool("json", false, "Print each callback as one line of JSON, for scripts")
	complete(cmd, "result", recent.ResultNames())
	complete(cmd, "command", commandNames())
	return cmd
}

// adminFlags defines the flags that adminAddress reads.
func adminFlags(flags *pflag.FlagSet) {
	flags.String("address", "", "Address of the administration API listener (if --config is not used)")
	flags.StringP("config", "c", "", "Configuration file (if --address is not used)")
	flags.StringP("adapter", "a", "", "Name of config adapter to apply (if --config is used)")
}

// complete lets shells complete the values of a flag.
func complete(cmd *cobra.Command, flag string, values []string) {
	if err := cmd.RegisterFlagCompletionFunc(flag, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)); err != nil {
		panic(err) // there is no such flag
	}
}

func commandNames() (names []string) {
	for _, c := range callback.Commands() {
		names = append(names, c.Name)
	}
	return names
}

func tail(ctx context.Context, cmd *cobra.Command, flags caddycmd.Flags) error {
	query, err := tailQuery(flags, time.Now())
	if err != nil {
		return err
	}
	address, err := adminAddress(flags)
	if err != nil {
		return err
	}
	t := &tailer{
		client: adminapi.Client{Address: address}, query: query,
		out: cmd.OutOrStdout(), err: cmd.ErrOrStderr(), json: flags.Bool("json"),
	}
	t.palette = console.PaletteFor(t.out)
	_, t.terminal = console.Terminal(t.out)
	if flags.Bool("no-follow") {
		return t.print()
	}
	return t.follow(ctx)
}

// tailQuery makes the query of the admin API. Times are absolute, so that they mean the same when the
// command connects again.
func tailQuery(flags caddycmd.Flags, now time.Time) (url.Values, error) {
	query := make(url.Values)
	results := flags.Lookup("result").Value.(pflag.SliceValue).GetSlice()
	for _, name := range results {
		if !slices.Contains(recent.ResultNames(), name) {
			return nil, fmt.Errorf("--result: %q is not one of %s", name, strings.Join(recent.ResultNames(), ", "))
		}
	}
	query.Set("result", strings.Join(results, ","))
	for _, name := range []string{"command", "subject", "id"} {
		value := flags.String(name)
		if value == "" && flags.Changed(name) {
			return nil, fmt.Errorf("--%s is empty", name)
		}
		query.Set(name, value)
	}
	if command := query.Get("command"); command != "" {
		if err := callback.Pattern(command).Check(); err != nil {
			return nil, fmt.Errorf("--command: %w", err)
		}
	}
	since, err := timeFlag(flags, "since", now)
	if err != nil {
		return nil, err
	}
	query.Set("since", since)
	return query, nil
}
