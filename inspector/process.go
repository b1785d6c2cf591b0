package inspector

import (
	"context"
	"sync"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/queues"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// processSource has what this process knows.
type processSource struct{ payloads bool }

func (processSource) Remembers() bool { return recent.Process.On() }

func (processSource) Last() uint64 { return recent.Process.Last() }

func (processSource) Watch() (<-chan struct{}, func()) { return recent.Process.Watch() }

func (processSource) Callbacks(f *filter, before uint64, limit int) []callbackInfo {
	return callbackInfos(recent.Process.Before(before, recentFilter(f), limit))
}

func (processSource) Next(after uint64, f *filter) ([]callbackInfo, uint64, uint64) {
	found, upTo, lost := recent.Process.After(after, recentFilter(f))
	return callbackInfos(found), upTo, lost
}

func recentFilter(f *filter) *recent.Filter {
	wanted := &recent.Filter{Command: callback.Pattern(f.Command), Subject: f.Subject, ID: f.ID, Since: f.Since, Until: f.Until}
	for _, r := range f.Results {
		wanted.Results = append(wanted.Results, recent.Result(r))
	}
	return wanted
}

func callbackInfos(entries []recent.Entry) []callbackInfo {
	infos := make([]callbackInfo, len(entries))
	for n := range entries {
		e := &entries[n]
		infos[n] = callbackInfo{
			Seq: e.Seq, Time: e.Began, Took: e.Took, App: e.App, Command: e.Command, Subject: e.Subject, ID: e.EventID, ClientIP: e.ClientIP,
			Result: string(e.Result), Detail: e.Detail, Status: e.Status, Queue: e.Queue, Duplicate: e.Duplicate, Undecided: e.Undecided,
		}
		if d := e.Delivery; d != nil {
			infos[n].Delivery = &deliveryInfo{State: string(d.State), Attempts: d.Attempts, LastError: d.LastError, Last: d.Last, Next: d.Next}
		}
	}
	return infos
}

// Queues asks all queues at the same time, since the stores of several may not answer.
func (processSource) Queues(ctx context.Context) []queueInfo {
	open := queues.Current()
	infos := make([]queueInfo, len(open))
	var asked sync.WaitGroup
	for n, q := range open {
		asked.Go(func() { infos[n] = infoOf(ctx, q) })
	}
	asked.Wait()
	return infos
}

func infoOf(ctx context.Context, q queues.Open) queueInfo {
	info := queueInfo{Name: q.Name, Store: q.Kind, MaxBytes: q.MaxBytes, DownSince: q.Down}
	counts, err := q.Store.Totals(ctx)
	if err != nil {
		counts, info.Error = q.Store.Counts(), err.Error()
	}
	info.Waiting, info.InFlight, info.Dead, info.Spooled = counts.Waiting, counts.InFlight, counts.Dead, counts.Spooled
	info.Bytes, info.Oldest = counts.Bytes, counts.Oldest
	if shared, ok := q.Store.(queue.Shared); ok {
		node := shared.Node()
		info.Node = &nodeInfo{ID: node.ID, Partitions: node.Partitions, Nodes: node.Nodes, Up: node.Up}
	}
	return info
}
