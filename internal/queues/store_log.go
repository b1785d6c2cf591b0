package queues

import (
	"slices"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
)

// storeLogger returns the logger of a queue's store, which outlives the loggers of configurations.
func storeLogger(queueName string) *zap.Logger {
	return zap.New(currentLog{}).Named("http.handlers.tim_callback").With(zap.String("queue", queueName))
}

// logStore logs whether a store can be written.
func logStore(queueName string) func(error) {
	return logWritable(queueName, "queue cannot be written, callbacks are answered 503 until it can", "queue can be written again")
}

// logSpool logs whether the file in which a store spools events can be written.
func logSpool(queueName string) func(error) {
	return logWritable(queueName, "the file in which the queue spools events cannot be written, so none can be spooled until it can",
		"the file in which the queue spools events can be written again")
}

func logWritable(queueName, cannot, can string) func(error) {
	logger := storeLogger(queueName)
	return func(err error) {
		if err != nil {
			logger.Warn(cannot, zap.Error(err))
		} else {
			logger.Warn(can)
		}
	}
}

// currentLog writes to the log that Caddy has when a line is written. That is another one after each
// reload, and one that only buffers while the first configuration is being loaded.
type currentLog struct{ fields []zapcore.Field }

func (currentLog) Enabled(level zapcore.Level) bool { return caddy.Log().Core().Enabled(level) }

func (c currentLog) With(fields []zapcore.Field) zapcore.Core {
	return currentLog{slices.Concat(c.fields, fields)}
}

func (c currentLog) Check(line zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if !c.Enabled(line.Level) {
		return checked
	}
	return checked.AddCore(line, c)
}

func (c currentLog) Write(line zapcore.Entry, fields []zapcore.Field) error {
	if checked := caddy.Log().Core().Check(line, nil); checked != nil {
		checked.Write(slices.Concat(c.fields, fields)...)
	}
	return nil
}

func (currentLog) Sync() error { return caddy.Log().Core().Sync() }
