package queues

import (
	"time"

	"go.uber.org/zap"

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
)

// logDeliveries logs the outcomes of deliveries.
func logDeliveries(logger *zap.Logger, queueName string) delivery.Observer {
	logger = logger.With(zap.String("queue", queueName))
	return delivery.Observer{
		Attempted: func(report delivery.Report) {
			fields := []zap.Field{
				zap.String("event_id", report.Item.ID),
				zap.String("key", report.Item.Key),
				zap.Int("attempts", report.Item.Attempts),
				zap.Duration("took", report.Took),
			}
			switch report.Outcome {
			case delivery.OutcomeDelivered:
				logger.Debug("event delivered", fields...)
			case delivery.OutcomeRetried:
				logger.Warn("event not delivered, will be tried again",
					append(fields, zap.String("error", report.Result.Error), zap.Time("next", report.Next))...)
			default:
				logger.Warn("event not delivered, is a dead letter now", append(fields, zap.String("error", report.Result.Error))...)
			}
		},
		Down: func() {
			logger.Warn("the backend takes no events: until it does, a single event at a time is attempted")
		},
		Up: func(downFor time.Duration) {
			logger.Info("the backend takes events again", zap.Duration("down_for", downFor))
		},
		StoreFailed: func(err error) { logger.Warn("taking events from the queue", zap.Error(err)) },
	}
}
