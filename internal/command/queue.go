package command

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// queueCommand returns `caddy tim-callback queue`, which uses the admin API.
func queueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Shows queues and their events, and replays or drops dead letters",
		Long: `
Shows the queues of a running Caddy and their events, and lists, replays or
drops their dead letters. A dead letter is an event that the backend refused several times, or
that could not be delivered for too long.

The command sends its requests to Caddy's admin endpoint. The address of the
endpoint is --address, or the address in the configuration file of --config, or
else Caddy's default address.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := cmd.PersistentFlags()
	adminFlags(flags)
	flags.Bool("json", false, "Print JSON, for scripts")

	cmd.AddCommand(queueListCommand(), queueEventsCommand(), queueDeadCommand(),
		queueReplayCommand(), queueDropCommand())
	return cmd
}

func queueListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Lists the queues and the number of their events",
		Args:  cobra.NoArgs,
		RunE:  queueRun((*queueCall).list),
	}
}

func queueDeadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "Lists dead letters, in the order in which they died",
		Long: `
Lists dead letters in the order in which they died. The table shows no values
from the body of the events. With --json the whole events are printed.`,
		Args: noQueueName,
		RunE: queueRun((*queueCall).dead),
	}
	queueFlag(cmd)
	cmd.Flags().Int("limit", 0, "Largest number of dead letters to list (0: all)")
	cmd.Flags().String("after", "", "Begin after the dead letter with this `cursor` (see --json)")
	return cmd
}

// queueFlag defines the flag that chooses a queue. Shells complete it if Caddy answers.
func queueFlag(cmd *cobra.Command) {
	cmd.Flags().String("queue", "", "Name of the queue (required if there are several)")
	names := func(cmd *cobra.Command, _ []string, _ string) (names []string, _ cobra.ShellCompDirective) {
		if address, err := adminAddress(caddycmd.Flags{FlagSet: cmd.Flags()}); err == nil {
			queues, _ := adminapi.Client{Address: address}.Queues()
			for _, q := range queues {
				names = append(names, q.Name)
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	if err := cmd.RegisterFlagCompletionFunc("queue", names); err != nil {
		panic(err) // there is no such flag
	}
}

// noQueueName refuses arguments. It tells how to choose a queue.
func noQueueName(cmd *cobra.Command, args []string) error {
	if len(args) == 1 && queue.CheckName(args[0]) == nil {
		return fmt.Errorf("unexpected argument %q: a queue is chosen with --queue %s", args[0], args[0])
	}
	return cobra.NoArgs(cmd, args)
}

func queueDropCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "drop [--queue <name>] <id>... | --all",
		Short: "Deletes dead letters",
		Long: `
Deletes dead letters. This cannot be undone. With --all, the command asks for
confirmation if its input is a terminal.`,
		RunE: queueRun((*queueCall).drop),
	}
	queueFlag(cmd)
	cmd.Flags().Bool("all", false, "All dead letters of the queue")
	cmd.Flags().BoolP("yes", "y", false, "Do not ask for confirmation")
	return cmd
}

// adminAddress returns the address of the admin endpoint, which it finds in the same way
// as Caddy's own commands. If the configuration switches the admin endpoint off, it returns
// an error: the default address could be that of another Caddy.
func adminAddress(flags caddycmd.Flags) (string, error) {
	address, file, adapter := flags.String("address"), flags.String("config"), flags.String("adapter")
	if address != "" || file == "" {
		if strings.Contains(address, "://") {
			return "", fmt.Errorf("--address %q: use host:port or unix//path, not a URL", address)
		}
		return caddycmd.DetermineAdminAPIAddress(address, nil, "", "")
	}
	config, _, _, err := caddycmd.LoadConfig(file, adapter)
	if err != nil {
		return "", err
	}
	var off struct {
		Admin struct {
			Disabled bool `json:"disabled"`
		} `json:"admin"`
	}
	if json.Unmarshal(config, &off) == nil && off.Admin.Disabled {
		return "", fmt.Errorf("the admin endpoint is switched off in %s", file)
	}
	return caddycmd.DetermineAdminAPIAddress("", config, file, adapter)
}

// queueRun returns the RunE of a queue command: it finds the admin endpoint and calls run.
// Errors may contain text from the endpoint, so they are made safe for a terminal.
func queueRun(run func(*queueCall) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		flags := caddycmd.Flags{FlagSet: cmd.Flags()}
		address, err := adminAddress(flags)
		if err == nil {
			err = run(&queueCall{
				flags:  flags,
				ids:    args,
				client: adminapi.Client{Address: address},
				in:     cmd.InOrStdin(),
				out:    cmd.OutOrStdout(),
				err:    cmd.ErrOrStderr(),
			})
		}
		if err != nil {
			return errors.New(console.Line(err.Error()))
		}
		return nil
	}
}
