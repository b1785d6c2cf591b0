package queues

import (
	"errors"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyserver/caddy/v2"
)

// TestStoreLoggerOutlivesLogs: what a store tells goes to the log that Caddy has then, also if that is
// not the one of the time when the store was opened.
func TestStoreLoggerOutlivesLogs(t *testing.T) {
	logger := opened(t, new(elsewhere)).Logger
	if logger.Name() != "http.handlers.tim_callback" {
		t.Errorf("the logger is %q", logger.Name())
	}
	_, original, buffer := caddy.BufferedLog()
	defer caddy.UnbufferDefaultLogger(original)
	logger.With(zap.Int("n", 1)).Info("one", zap.Int("m", 2))
	logger.Debug("not at this level")
	logStore("q")(errors.New("damaged"))
	logSpool("q")(nil)

	core, observed := observer.New(zapcore.DebugLevel)
	buffer.FlushTo(zap.New(core))
	lines := observed.All()
	if len(lines) != 3 {
		t.Fatalf("logged %v", lines)
	}
	for i, want := range []map[string]any{{"queue": "q", "n": int64(1), "m": int64(2)}, {"queue": "q", "error": "damaged"}, {"queue": "q"}} {
		got := lines[i].ContextMap()
		for name, value := range want {
			if got[name] != value || len(got) != len(want) {
				t.Errorf("line %d has %v, want %v", i, got, want)
			}
		}
	}
}
