package timcallback

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
)

// queueCommand is `caddy tim-callback queue`, which asks the admin API.
func queueCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "queue",
		Short: "Shows queues, and lists, replays or drops their dead letters",
		Long: `
Shows the queues of a running Caddy, and lists, replays or drops their dead
letters: the events that the backend refused, or did not take for too long.

It asks the admin endpoint at --address, or at the address that --config has,
or else at Caddy's default address.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	flags := cmd.PersistentFlags()
	flags.String("address", "", "Address of the administration API listener (if --config is not used)")
	flags.StringP("config", "c", "", "Configuration file (if --address is not used)")
	flags.StringP("adapter", "a", "", "Name of config adapter to apply (if --config is used)")
	flags.Bool("json", false, "Print JSON, for scripts")

	cmd.AddCommand(queueListCommand(), queueDeadCommand(),
		queueChangeCommand(adminapi.Replay, &cobra.Command{
			Use:   "replay [--queue <name>] <id>... | --all",
			Short: "Delivers dead letters once more",
			Long: `
Makes dead letters the newest events of their users, with new attempts. They may
arrive after newer events: backends compare ce-time.`,
		}),
		queueChangeCommand(adminapi.Drop, &cobra.Command{
			Use:   "drop [--queue <name>] <id>... | --all",
			Short: "Forgets dead letters for good",
			Long: `
Forgets dead letters for good. With --all it asks first if its input is a
terminal, and goes ahead if it is not.`,
		}))
	return cmd
}

func queueListCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "Lists the queues and how much they hold",
		Args:  cobra.NoArgs,
		RunE:  queueRun((*queueCall).list),
	}
}

func queueDeadCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dead",
		Short: "Lists dead letters, in the order in which they died",
		Long: `
Lists dead letters in the order in which they died. The table has no values of
their payload; --json has the whole events.`,
		Args: cobra.NoArgs,
		RunE: queueRun((*queueCall).dead),
	}
	cmd.Flags().String("queue", "", "Name of the queue (if there are several)")
	cmd.Flags().Int("limit", 0, "List so many at most (0: all)")
	cmd.Flags().String("after", "", "List those that died after the one with this ID or cursor")
	return cmd
}

func queueChangeCommand(change adminapi.Change, cmd *cobra.Command) *cobra.Command {
	cmd.RunE = queueRun(func(q *queueCall) error { return q.change(change) })
	cmd.Flags().String("queue", "", "Name of the queue (if there are several)")
	cmd.Flags().Bool("all", false, "All dead letters of the queue")
	if change == adminapi.Drop {
		cmd.Flags().BoolP("yes", "y", false, "Do not ask")
	}
	return cmd
}

// adminAddress is where the admin endpoint is, as Caddy's own commands find it. A
// configuration that has it switched off must not lead to another Caddy's.
func adminAddress(flags caddycmd.Flags) (string, error) {
	address, file, adapter := flags.String("address"), flags.String("config"), flags.String("adapter")
	if address != "" || file == "" {
		if strings.Contains(address, "://") {
			return "", fmt.Errorf("--address %q: host:port or unix//path is wanted, not a URL", address)
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
		return "", fmt.Errorf("%s has the admin endpoint switched off", file)
	}
	return caddycmd.DetermineAdminAPIAddress("", config, file, adapter)
}

// queueRun finds the admin endpoint, and makes what is wrong fit to be read.
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
