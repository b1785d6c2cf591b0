package admin

import (
	"context"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/queues"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// totalsTimeout is how long the list of queues waits for a store that several nodes share.
const totalsTimeout = 2 * time.Second

// queueInfos asks all queues at the same time, since the stores of several may not answer.
func queueInfos(ctx context.Context) []adminapi.Queue {
	ctx, cancel := context.WithTimeout(ctx, totalsTimeout)
	defer cancel()
	open := queues.Current()
	infos := make([]adminapi.Queue, len(open))
	var asked sync.WaitGroup
	for i, q := range open {
		asked.Go(func() { infos[i] = queueInfo(ctx, q) })
	}
	asked.Wait()
	return infos
}

func queueInfo(ctx context.Context, q queues.Open) adminapi.Queue {
	info := adminapi.Queue{Name: q.Name, Store: q.Kind, MaxBytes: q.MaxBytes}
	own := q.Store.Counts()
	counts, err := q.Store.Totals(ctx)
	if err != nil {
		counts, info.Error = own, err.Error()
	}
	info.Waiting, info.InFlight, info.Dead, info.Bytes, info.Spooled = counts.Waiting, counts.InFlight, counts.Dead, counts.Bytes, counts.Spooled
	if !counts.Oldest.IsZero() {
		oldest := counts.Oldest.UTC()
		info.Oldest = &oldest
	}
	if shared, ok := q.Store.(queue.Shared); ok {
		node := shared.Node()
		info.Node = &adminapi.Node{
			ID: node.ID, Partitions: node.Partitions, Nodes: node.Nodes, Up: node.Up, Waiting: own.Waiting, InFlight: own.InFlight,
		}
	}
	return info
}
