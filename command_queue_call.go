package timcallback

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
)

// queueCall is one call of a queue command.
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
	return console.NewTable(q.out,
		console.Column{Title: "NAME", Least: 20},
		console.Column{Title: "STORE"},
		console.Column{Title: "WAITING", Right: true},
		console.Column{Title: "IN FLIGHT", Right: true},
		console.Column{Title: "DEAD", Right: true},
		console.Column{Title: "OLDEST", Right: true},
	).Print(queueRows(queues))
}

// dead prints dead letters page by page: there may be very many.
func (q *queueCall) dead() error {
	limit := q.flags.Int("limit")
	if limit < 0 {
		return fmt.Errorf("--limit %d is less than zero", limit)
	}
	name, err := q.queue()
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
	array := deadArray{out: q.out}
	found := false
	for letters, err := range q.client.Dead(name, q.flags.String("after"), limit) {
		switch {
		case err != nil:
			return err
		case q.flags.Bool("json"):
			err = array.add(letters)
		default:
			err = table.Print(deadRows(letters))
		}
		if err != nil {
			return err
		}
		found = true
	}
	if q.flags.Bool("json") {
		return array.end()
	}
	if !found {
		fmt.Fprintf(q.err, "queue %s has no dead letters\n", name)
	}
	return nil
}

// change replays or drops dead letters.
func (q *queueCall) change(change adminapi.Change) error {
	all := q.flags.Bool("all")
	switch {
	case all && len(q.ids) > 0:
		return errors.New("give either IDs or --all, not both")
	case !all && len(q.ids) == 0:
		return errors.New("give the IDs of dead letters, or --all")
	}
	name, err := q.queue()
	if err != nil {
		return err
	}
	if all && change == adminapi.Drop && !q.flags.Bool("yes") {
		if err := q.confirmDrop(name); err != nil {
			return err
		}
	}
	n, err := q.client.Change(change, name, adminapi.Selection{IDs: q.ids, All: all})
	if err != nil {
		return err
	}
	if q.flags.Bool("json") {
		return writeCleanJSON(q.out, map[string]int{change.Done: n})
	}
	_, err = fmt.Fprintf(q.out, "%s %s of queue %s\n", change.Done, deadLetters(n), name)
	return err
}

// confirmDrop asks whether all dead letters shall be forgotten, if there is
// somebody to ask and something to forget.
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

// queue is the name of the queue that is meant.
func (q *queueCall) queue() (string, error) {
	if name := q.flags.String("queue"); name != "" {
		if !queueName.MatchString(name) {
			return "", fmt.Errorf("--queue %q: a name has 1 to 64 of a-z, 0-9, _ and -", name)
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
	return "", fmt.Errorf("there are several queues, choose one with --queue: %s", strings.Join(names, ", "))
}
