package command

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// queueCall is one run of a queue command.
type queueCall struct {
	flags    caddycmd.Flags
	ids      []string
	client   adminapi.Client
	in       io.Reader
	out, err io.Writer
}

// list prints the queues.
func (q *queueCall) list() error {
	queues, err := q.client.Queues()
	if err != nil {
		return err
	}
	if q.flags.Bool("json") {
		return writeCleanJSON(q.out, queues)
	}
	if len(queues) == 0 {
		fmt.Fprintln(q.err, "there is no queue")
		return nil
	}
	columns, rows := queueTable(queues)
	if err := console.NewTable(q.out, columns...).Print(rows); err != nil {
		return err
	}
	for _, info := range queues {
		if info.Error != "" {
			fmt.Fprintf(q.err, "queue %s: only what this node knows of is counted: %s\n", console.Line(info.Name), console.Line(info.Error))
		}
	}
	return nil
}

// dead prints dead letters page by page, since there may be very many.
func (q *queueCall) dead() error {
	limit := q.flags.Int("limit")
	if limit < 0 {
		return fmt.Errorf("--limit %d is less than zero", limit)
	}
	name, err := q.queueName()
	if err != nil {
		return err
	}
	table := console.NewTable(q.out,
		console.Column{Title: "ID"},
		console.Column{Title: "SUBJECT", Least: 8},
		console.Column{Title: "TYPE", Spare: true},
		console.Column{Title: "TRIES", Right: true},
		console.Column{Title: "DIED", Right: true},
		console.Column{Title: "LAST ERROR", Least: 20, Tail: true},
	)
	return printPages(q, q.client.Dead(name, q.flags.String("after"), limit), fmt.Sprintf("queue %s has no dead letters", name), func(letters []adminapi.DeadLetter) error {
		return table.Print(deadRows(letters))
	})
}

// drop drops dead letters.
func (q *queueCall) drop() error {
	all := q.flags.Bool("all")
	switch {
	case all && len(q.ids) > 0:
		return errors.New("give either IDs or --all, not both")
	case !all && len(q.ids) == 0:
		return errors.New("give the IDs of dead letters, or --all")
	}
	name, err := q.queueName()
	if err != nil {
		return err
	}
	if all && !q.flags.Bool("yes") {
		if err := q.confirmDrop(name); err != nil {
			return err
		}
	}
	n, err := q.client.Change(adminapi.Drop, name, adminapi.Selection{IDs: q.ids, All: all})
	if err != nil {
		return err
	}
	if q.flags.Bool("json") {
		return writeCleanJSON(q.out, map[string]int{adminapi.Drop.Done: n})
	}
	_, err = fmt.Fprintf(q.out, "dropped %s of queue %s\n", deadLetters(n), name)
	return err
}

// confirmDrop asks whether all dead letters shall be dropped, if there are any and the
// input is a terminal. It returns an error unless the answer is yes.
func (q *queueCall) confirmDrop(name string) error {
	in, ok := q.in.(*os.File)
	if !ok {
		return nil
	}
	if _, ok := console.Terminal(in); !ok {
		return nil
	}
	queues, err := q.client.Queues()
	if err != nil {
		return err
	}
	for _, info := range queues {
		if info.Name != name || info.Dead == 0 {
			continue
		}
		fmt.Fprintf(q.err, "Drop %s of queue %s for good? [y/N] ", deadLetters(info.Dead), name)
		answer, _ := bufio.NewReader(in).ReadString('\n')
		switch strings.ToLower(strings.TrimSpace(answer)) {
		case "y", "yes":
		default:
			return errors.New("nothing was dropped")
		}
	}
	return nil
}

// queueName returns the name from --queue or, without this flag, that of the only queue.
func (q *queueCall) queueName() (string, error) {
	if name := q.flags.String("queue"); name != "" {
		if err := queue.CheckName(name); err != nil {
			return "", fmt.Errorf("--queue %q: %w", name, err)
		}
		return name, nil
	}
	queues, err := q.client.Queues()
	if err != nil {
		return "", err
	}
	var names []string
	for _, info := range queues {
		names = append(names, info.Name)
	}
	switch len(names) {
	case 0:
		return "", errors.New("there is no queue")
	case 1:
		return names[0], nil
	}
	return "", fmt.Errorf("there are several queues; choose one with --queue: %s", strings.Join(names, ", "))
}
