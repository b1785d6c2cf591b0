package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/caddyserver/caddy/v2"

	"github.com/d13c7061/caddy-tim-callback/internal/version"
)

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Prints the versions of this module and of Caddy",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, full := caddy.Version()
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "caddy-tim-callback %s\ncaddy %s\n", version.Module(), full)
			return err
		},
	}
}
