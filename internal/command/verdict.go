package command

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/d13c7061/caddy-tim-callback/internal/console"
)

// verdictCommand returns the RunE of a command that prints a report and says whether the
// result is good. The exit code is 0 if it is good. It is 1 without an error message if it
// is not, and 1 with an error message if the command itself failed. The context ends at an
// interrupt; a second interrupt ends the process as usual.
func verdictCommand(run func(context.Context, *cobra.Command, caddycmd.Flags) (good bool, err error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop)
		good, err := run(ctx, cmd, caddycmd.Flags{FlagSet: cmd.Flags()})
		switch {
		case err != nil:
			return errors.New(console.Line(err.Error()))
		case !good:
			cmd.SilenceErrors = true // the report says what is wrong
			return errors.New("not good")
		}
		return nil
	}
}
