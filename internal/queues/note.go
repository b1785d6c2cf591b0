package queues

import (
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

var states = map[delivery.Outcome]recent.State{
	delivery.OutcomeDelivered: recent.Delivered,
	delivery.OutcomeRetried:   recent.Retried,
	delivery.OutcomeDead:      recent.Dead,
}

// noteDeliveries returns o noting among the last callbacks what it is told.
func noteDeliveries(queueName string, o delivery.Observer) delivery.Observer {
	told := o.Attempted
	o.Attempted = func(report delivery.Report) {
		recent.Process.Attempted(recent.Attempt{
			Queue:   queueName,
			EventID: report.Item.ID,
			Delivery: recent.Delivery{
				State:     states[report.Outcome],
				Attempts:  report.Item.Attempts,
				LastError: report.Result.Error,
				Last:      time.Now(),
				Next:      report.Next,
			},
		})
		told(report)
	}
	return o
}
