// Package command implements the commands of this module, `caddy tim-callback …`.
package command

import (
	"fmt"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
)

func init() {
	caddycmd.RegisterCommand(caddycmd.Command{
		Name:  "tim-callback",
		Usage: "<command>",
		Short: "Sends, checks and manages callbacks of Tencent Cloud Chat",
		CobraFunc: func(cmd *cobra.Command) {
			// the error for a misspelt command must not be about its flags
			cmd.FParseErrWhitelist.UnknownFlags = true
			cmd.RunE = func(cmd *cobra.Command, args []string) error {
				if len(args) > 0 {
					return fmt.Errorf("unknown command %q for %q", args[0], cmd.CommandPath())
				}
				return cmd.Help()
			}
			cmd.AddCommand(sendCommand())
			cmd.AddCommand(checkCommand())
			cmd.AddCommand(queueCommand())
			cmd.AddCommand(findCommand())
			cmd.AddCommand(tailCommand())
			cmd.AddCommand(versionCommand())
		},
	})
}
