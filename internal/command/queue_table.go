package command

import (
	"slices"
	"strconv"

	"github.com/dustin/go-humanize"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/console"
)

// queueColumn is a column of the list of queues.
type queueColumn struct {
	console.Column
	cell func(adminapi.Queue) string
}

// queueTable returns the columns and the rows of the list of queues. Columns about spooled events and
// about the node are only there if a queue has something to show in them.
func queueTable(queues []adminapi.Queue) (columns []console.Column, rows [][]string) {
	number := func(title string, n func(adminapi.Queue) int) queueColumn {
		return queueColumn{console.Column{Title: title, Right: true}, func(q adminapi.Queue) string { return strconv.Itoa(n(q)) }}
	}
	shown := []queueColumn{
		{console.Column{Title: "NAME", Least: 20}, func(q adminapi.Queue) string { return q.Name }},
		{console.Column{Title: "STORE"}, func(q adminapi.Queue) string { return q.Store }},
		number("WAITING", func(q adminapi.Queue) int { return q.Waiting }),
		number("IN FLIGHT", func(q adminapi.Queue) int { return q.InFlight }),
		number("DEAD", func(q adminapi.Queue) int { return q.Dead }),
	}
	if slices.ContainsFunc(queues, func(q adminapi.Queue) bool { return q.Spooled > 0 }) {
		shown = append(shown, number("SPOOLED", func(q adminapi.Queue) int { return q.Spooled }))
	}
	shown = append(shown,
		queueColumn{console.Column{Title: "SIZE", Right: true}, size},
		queueColumn{console.Column{Title: "OLDEST", Right: true}, oldest},
	)
	if slices.ContainsFunc(queues, func(q adminapi.Queue) bool { return q.Node != nil }) {
		shown = append(shown,
			ofNode(console.Column{Title: "NODE", Least: 8}, func(n adminapi.Node) string { return n.ID }),
			ofNode(console.Column{Title: "PARTITIONS", Right: true, Spare: true}, func(n adminapi.Node) string { return strconv.Itoa(n.Partitions) }),
			ofNode(console.Column{Title: "NODES", Right: true}, func(n adminapi.Node) string { return strconv.Itoa(n.Nodes) }),
			ofNode(console.Column{Title: "UP"}, func(n adminapi.Node) string { return map[bool]string{true: "yes", false: "no"}[n.Up] }),
		)
	}
	rows = make([][]string, len(queues))
	for _, c := range shown {
		columns = append(columns, c.Column)
		for i, q := range queues {
			rows[i] = append(rows[i], c.cell(q))
		}
	}
	return columns, rows
}

// ofNode returns a column about the node that answers. It is empty for queues that no nodes share.
func ofNode(column console.Column, cell func(adminapi.Node) string) queueColumn {
	return queueColumn{column, func(q adminapi.Queue) string {
		if q.Node == nil {
			return ""
		}
		return cell(*q.Node)
	}}
}

// size returns the size of a queue's events, and its limit if there is one.
func size(q adminapi.Queue) string {
	text := humanize.IBytes(uint64(q.Bytes))
	if q.MaxBytes > 0 {
		text += " of " + humanize.IBytes(uint64(q.MaxBytes))
	}
	return text
}

func oldest(q adminapi.Queue) string {
	if q.Oldest == nil {
		return ""
	}
	return age(*q.Oldest)
}
