package rig

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// QueueCounts is what a server's queue holds.
type QueueCounts struct {
	Waiting  int `json:"waiting"`
	InFlight int `json:"in_flight"`
	Dead     int `json:"dead"`
}

// Queue asks the server's admin endpoint.
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

// Drained waits until the server's queue is empty, and returns how long it took.
func (s *Server) Drained(ctx context.Context, limit time.Duration) (time.Duration, error) {
	start := time.Now()
	for {
		counts, err := s.Queue(ctx)
		switch {
		case err != nil:
			return 0, err
		case counts.Dead > 0:
			return 0, fmt.Errorf("%d events of the server %s became dead letters", counts.Dead, s.Name)
		case counts.Waiting+counts.InFlight == 0:
			return time.Since(start), nil
		case time.Since(start) > limit:
			return 0, fmt.Errorf("after %v %d events of the server %s are not delivered yet", limit, counts.Waiting+counts.InFlight, s.Name)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
	}
}
