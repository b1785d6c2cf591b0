package command

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

func queueEventsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "events",
		Short: "Lists the events of a queue, whatever their state",
		Long: `
Lists the events of a queue: those that wait or are in flight in the order in
which they arrived, then dead letters in the order in which they died, then
those that were delivered, if the queue retains them.

Several filters choose the events that all of them choose. The table shows no
values from the body of the events. --payload adds the attempts with what the
backend answered, and the whole events.`,
		Args: noQueueName,
		RunE: queueRun((*queueCall).events),
	}
	addFilterFlags(cmd)
	flags := cmd.Flags()
	queueFlag(cmd)
	flags.String("id", "", "Only the event with this ID")
	flags.Int("limit", 0, "Largest number of events to list (0: all)")
	flags.String("after", "", "Begin after the event with this `cursor` (see --json)")
	flags.Bool("payload", false, "Also show attempts and the whole events")
	return cmd
}

// addFilterFlags adds the flags that choose events.
func addFilterFlags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.String("state", "", "Only events in this state: waiting, in_flight, dead or delivered")
	flags.String("subject", "", "Only events of this `user`, group or other subject")
	flags.String("command", "", "Only events of this callback command, or of a family such as Group.*")
	flags.String("since", "", "Only events received since this `time`, such as 2h for two hours ago")
	flags.String("until", "", "Only events received before this `time`")
	var states []string
	for _, s := range queue.States() {
		states = append(states, string(s))
	}
	complete(cmd, "state", states)
	complete(cmd, "command", commandNames())
}

// filter returns what the flags choose. Times become absolute, so that all requests mean the same.
func filter(flags caddycmd.Flags) (f adminapi.Filter, err error) {
	f = adminapi.Filter{State: flags.String("state"), Subject: flags.String("subject"), Command: flags.String("command")}
	now := time.Now()
	if f.Since, err = timeFlag(flags, "since", now); err == nil {
		f.Until, err = timeFlag(flags, "until", now)
	}
	return f, err
}

// timeFlag returns the absolute time of a flag, "" if it is not set.
func timeFlag(flags caddycmd.Flags, name string, now time.Time) (string, error) {
	value := flags.String(name)
	if value == "" {
		return "", nil
	}
	at, err := adminapi.ParseTime(value, now)
	if err != nil {
		return "", fmt.Errorf("--%s %q: %w", name, value, err)
	}
	return at.UTC().Format(time.RFC3339Nano), nil
}

// events prints events page by page, since there may be very many.
func (q *queueCall) events() error {
	limit := q.flags.Int("limit")
	if limit < 0 {
		return fmt.Errorf("--limit %d is less than zero", limit)
	}
	chosen, err := filter(q.flags)
	if err != nil {
		return err
	}
	name, err := q.queueName()
	if err != nil {
		return err
	}
	query := adminapi.Query{Filter: chosen, ID: q.flags.String("id"), After: q.flags.String("after"), Limit: limit, Payload: q.flags.Bool("payload")}
	table := console.NewTable(q.out,
		console.Column{Title: "ID"},
		console.Column{Title: "STATE"},
		console.Column{Title: "SUBJECT", Least: 8},
		console.Column{Title: "TYPE", Spare: true},
		console.Column{Title: "TRIES", Right: true},
		console.Column{Title: "AGE", Right: true},
		console.Column{Title: "LAST ERROR", Least: 20, Tail: true},
	)
	return printPages(q, q.client.Events(name, query), fmt.Sprintf("queue %s has no such events", name), func(page []adminapi.Event) error {
		if query.Payload {
			return printWithPayload(q.out, table, page)
		}
		return table.Print(eventRows(page))
	})
}

func eventRows(events []adminapi.Event) (rows [][]string) {
	for _, e := range events {
		rows = append(rows, []string{e.ID, e.State, e.Subject, shortType(e.Type), strconv.Itoa(e.Attempts), age(e.Received), e.LastError})
	}
	return rows
}

// printWithPayload prints each event as a row, with its attempts and the whole event below.
func printWithPayload(out io.Writer, table *console.Table, events []adminapi.Event) error {
	for i := range events {
		if err := table.Print(eventRows(events[i : i+1])); err != nil {
			return err
		}
		var text strings.Builder
		for _, a := range events[i].History {
			outcome := a.Error
			if outcome == "" {
				outcome = "delivered"
			}
			fmt.Fprintf(&text, "  %s %s", a.At.Format(time.RFC3339), console.Line(outcome))
			if a.Answer != "" {
				fmt.Fprintf(&text, ": %s", console.Line(a.Answer))
			}
			text.WriteString("\n")
		}
		fmt.Fprintf(&text, "  %s\n", console.VisibleJSON(events[i].Event))
		if _, err := io.WriteString(out, text.String()); err != nil {
			return err
		}
	}
	return nil
}
