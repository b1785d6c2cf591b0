package command

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

func queueReplayCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "replay [--queue <name>] <id>... | <filters> | --all",
		Short: "Delivers dead letters, or events that were delivered, again",
		Long: `
Puts dead letters back into the queue, behind all other events of the same user,
and begins to count their attempts again. They may arrive after newer events, so
the backend should compare ce-time.

The filters choose among the dead letters or, with --state delivered, among the
delivered events that the queue retains. With IDs, it may be either. --dry-run
only tells how many it would be.`,
		RunE: queueRun((*queueCall).replay),
	}
	addFilterFlags(cmd)
	flags := cmd.Flags()
	flags.Lookup("state").Usage = "Events in this state: dead or delivered (default: dead)"
	queueFlag(cmd)
	flags.Bool("all", false, "All dead letters of the queue or, with --state delivered, all delivered events")
	flags.Bool("dry-run", false, "Only tell how many events would be replayed")
	return cmd
}

// replay replays dead letters and delivered events.
func (q *queueCall) replay() error {
	request := adminapi.ReplayRequest{IDs: q.ids, DryRun: q.flags.Bool("dry-run")}
	var err error
	if request.Filter, err = filter(q.flags); err != nil {
		return err
	}
	all, filtered := q.flags.Bool("all"), request.Filter != (adminapi.Filter{})
	onlyState := request.Filter == (adminapi.Filter{State: request.State})
	switch {
	case len(q.ids) > 0 && all:
		return errors.New("give either IDs or --all, not both")
	case len(q.ids) > 0 && filtered:
		return errors.New("give either IDs or filters, not both")
	case all && !onlyState:
		return errors.New("give either --all or filters, not both")
	case len(q.ids) == 0 && !all && onlyState:
		return errors.New("give the IDs of events, filters such as --since 2h, or --all")
	}
	if len(q.ids) == 0 && request.State == "" {
		request.State = string(queue.DeadLetter)
	}
	name, err := q.queueName()
	if err != nil {
		return err
	}
	result, err := q.client.Replay(name, request)
	if err != nil {
		return err
	}
	if q.flags.Bool("json") {
		return writeCleanJSON(q.out, result)
	}
	kind := "event"
	if request.State == string(queue.DeadLetter) {
		kind = "dead letter"
	}
	if request.DryRun {
		_, err = fmt.Fprintf(q.out, "%s of queue %s would be replayed\n", counted(result.Matched, kind), name)
		return err
	}
	_, err = fmt.Fprintf(q.out, "replayed %s of queue %s\n", counted(result.Replayed, kind), name)
	return err
}
