package adminapi

import "net/http"

// ReplayRequest says which dead letters or delivered events to replay: those with the IDs, or those that
// the filter chooses, whose state is then "dead" or "delivered".
type ReplayRequest struct {
	IDs []string `json:"ids,omitempty"`
	Filter
	DryRun bool `json:"dry_run,omitempty"` // only count them
}

// ReplayResult tells how many events were chosen, and how many of them were replayed.
type ReplayResult struct {
	Matched  int `json:"matched"`
	Replayed int `json:"replayed"`
}

// Replay replays dead letters or delivered events of a queue.
func (c Client) Replay(queue string, request ReplayRequest) (result ReplayResult, err error) {
	return result, c.ask(http.MethodPost, eventsPath(queue)+"/"+Replay.Path, request, &result)
}
