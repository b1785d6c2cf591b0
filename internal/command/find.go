package command

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/advice"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/internal/finder"
)

// exitNothing is the exit code if nothing is known about what was wanted.
const exitNothing = 2

func findCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "find <user, group or event ID>",
		Short: "Tells what became of the callbacks of a user or group, or of an event",
		Long: `
Tells the story of every callback of a user, of a group or of an event, newest
first: how it was answered, whether a queue has it, the attempts to deliver it,
and what to do about it. Of an event that Caddy remembers, the beginning of the
ID is enough (at least six digits).

It knows the events in all queues, and the last callbacks of this Caddy: 1000,
unless the global option tim_callback { recent <n> } sets another number.
Callbacks that were refused or passed on before their body was read have no
user. They are listed by their results below the stories.

No values of payloads are shown, unless you ask for them with --payload.

The exit code is 0 if something is known, 2 if nothing is known, and 1 if there
was an error.

The command sends its requests to Caddy's admin endpoint. The address of the
endpoint is --address, or the address in the configuration file of --config, or
else Caddy's default address.`,
		Example: `  $ caddy tim-callback find id1
  $ caddy tim-callback find 2e1430597b19708d0204806aae98a921 --payload
  $ caddy tim-callback find @TGS#1 --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || args[0] == "" {
				return errors.New("give one user, group or event ID")
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		known := false
		err := find(cmd, caddycmd.Flags{FlagSet: cmd.Flags()}, args[0], &known)
		switch {
		case err != nil:
			return errors.New(console.Line(err.Error()))
		case !known:
			cmd.SilenceErrors = true
			return caddycmd.WrapCommandFuncForCobra(func(caddycmd.Flags) (int, error) { return exitNothing, nil })(cmd, args)
		}
		return nil
	}
	flags := cmd.Flags()
	adminFlags(flags)
	flags.String("since", "", "Only what came since this `time`: RFC 3339, or e.g. 2h ago")
	flags.Int("limit", 20, "Largest number of stories to tell (0: all)")
	flags.Bool("payload", false, "Also show the whole events, and how the backend has answered")
	flags.Bool("json", false, "Print one JSON object, for scripts")
	return cmd
}

// find tells what is known, and sets whether something is.
func find(cmd *cobra.Command, flags caddycmd.Flags, wanted string, known *bool) error {
	limit := flags.Int("limit")
	if limit < 0 {
		return fmt.Errorf("--limit %d is less than zero", limit)
	}
	since, err := timeFlag(flags, "since", time.Now())
	if err != nil {
		return err
	}
	address, err := adminAddress(flags)
	if err != nil {
		return err
	}
	asking := newProgress(cmd.ErrOrStderr())
	found, err := finder.Find(adminapi.Client{Address: address}, wanted, finder.Options{
		Since: since, Limit: limit, Payload: flags.Bool("payload"), Searching: asking.now, Command: sameCaddy(flags),
		Advice: advice.Format{Language: advice.English, Text: console.Line, Span: span},
	})
	asking.now("")
	if err != nil {
		return err
	}
	*known = len(found.Stories) > 0
	out := cmd.OutOrStdout()
	if flags.Bool("json") {
		err = writeCleanJSON(out, found)
	} else {
		_, err = io.WriteString(out, newTeller(out, time.Now()).tell(wanted, found))
		for _, problem := range found.Problems {
			fmt.Fprintf(cmd.ErrOrStderr(), "%s\n", console.Line(problem))
		}
	}
	if err == nil && !*known && len(found.Problems) > 0 {
		return errors.New("nothing was found, but not everything could be searched")
	}
	return err
}

// sameCaddy returns the flags that lead another command to the same Caddy.
func sameCaddy(flags caddycmd.Flags) string {
	var text strings.Builder
	for _, name := range []string{"address", "config", "adapter"} {
		if value := flags.String(name); value != "" {
			text.WriteString(" --" + name + " " + advice.ShellWord(value))
		}
	}
	return text.String()
}

// progress says what is being searched if that takes long.
type progress struct {
	out   io.Writer
	timer *time.Timer
}

func newProgress(out io.Writer) *progress { return &progress{out: out} }

const quietSearch = 2 * time.Second

// now begins to search something, or ends the search if what is "".
func (p *progress) now(what string) {
	if p.timer != nil {
		p.timer.Stop()
	}
	if what != "" {
		p.timer = time.AfterFunc(quietSearch, func() { fmt.Fprintf(p.out, "searching %s…\n", console.Line(what)) })
	}
}
