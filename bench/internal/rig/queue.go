package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// QueueCounts is how many events a server's queue has.
type QueueCounts struct {
	Waiting  int `json:"waiting"`
	InFlight int `json:"in_flight"`
	Dead     int `json:"dead"`

	// Node is what one of several servers that share the queue has of it.
	Node struct {
		Partitions int `json:"partitions"`
		Nodes      int `json:"nodes"`
		Waiting    int `json:"waiting"`
		InFlight   int `json:"in_flight"`
	} `json:"node"`
}

// Left is how many events are not delivered yet.
func (c QueueCounts) Left() int { return c.Waiting + c.InFlight }

// Queue asks the server's admin endpoint for the counts of its only queue.
func (s *Server) Queue(ctx context.Context) (QueueCounts, error) {
	fail := func(err error) (QueueCounts, error) {
		return QueueCounts{}, fmt.Errorf("asking the server %s for its queue: %w", s.Name, err)
	}
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.Admin+"/tim_callback/queues", nil)
	if err != nil {
		return fail(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fail(err)
	}
	defer response.Body.Close()
	var queues []QueueCounts
	if err := json.NewDecoder(response.Body).Decode(&queues); err != nil {
		return fail(err)
	}
	if len(queues) != 1 {
		return fail(fmt.Errorf("it has %d", len(queues)))
	}
	return queues[0], nil
}

// Drained waits until at most so many events are left in the server's queue. It is an
// error if that takes longer than limit, or if events become dead letters.
func (s *Server) Drained(ctx context.Context, left int, limit time.Duration) error {
	start := time.Now()
	for {
		counts, err := s.Queue(ctx)
		switch {
		case err != nil:
			return err
		case counts.Dead > 0:
			return fmt.Errorf("%d events of the server %s became dead letters", counts.Dead, s.Name)
		case counts.Left() <= left:
			return nil
		case time.Since(start) > limit:
			return fmt.Errorf("after %v %d events of the server %s are not delivered yet", limit, counts.Left(), s.Name)
		}
		if err := Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}
