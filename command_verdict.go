package timcallback

import (
	"context"
	"errors"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

// verdictCommand makes the RunE of a command that reports whether something is good:
// it exits with 0 if it is, silently with 1 if not, and with 1 and a logged error, as
// Caddy's own commands do, if it could not be found out. The context is done at an
// interrupt; a second one ends the process as usual.
func verdictCommand(run func(context.Context, *cobra.Command, caddycmd.Flags) (good bool, err error)) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		context.AfterFunc(ctx, stop)
		good := false
		err := caddycmd.WrapCommandFuncForCobra(func(flags caddycmd.Flags) (int, error) {
			var err error
			if good, err = run(ctx, cmd, flags); err != nil {
				return caddy.ExitCodeFailedStartup, err
			}
			return caddy.ExitCodeSuccess, nil
		})(cmd, args)
		if err == nil && !good {
			cmd.SilenceErrors = true // the report has said it
			err = errors.New("not good")
		}
		return err
	}
}
