package timcallback

import (
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

const metricsNamespace, metricsSubsystem = "caddy", "tim_callback"

// result is what came of a request: one of these, or the [profile.Reason] for
// which it was refused. The set is closed; see results.
type result string

const (
	resultOK              result = "ok"               // it was taken, or the backend decided
	resultPassed          result = "passed"           // another command, that the next handler answered
	resultUpstreamError   result = "upstream_error"   // 502
	resultUpstreamTimeout result = "upstream_timeout" // 504, or a 502 where another command missed the budget
	resultQueueError      result = "queue_error"      // 503
)

func results() []result {
	all := []result{resultOK, resultPassed, resultUpstreamError, resultUpstreamTimeout, resultQueueError}
	for _, reason := range profile.Reasons() {
		all = append(all, result(reason))
	}
	return all
}

// resultOf is the result of a request that was not refused, by its answer's status.
func resultOf(status int) result {
	switch status {
	case http.StatusOK:
		return resultOK
	case http.StatusServiceUnavailable:
		return resultQueueError
	case http.StatusGatewayTimeout:
		return resultUpstreamTimeout
	}
	return resultUpstreamError
}

// The collectors are made once, so that they count on across reloads. Each
// configuration has a registry of its own, in which they are registered anew.
var (
	requestsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metricsNamespace, Subsystem: metricsSubsystem, Name: "requests_total",
		Help: "Callbacks that were answered, by what came of them.",
	}, []string{"result"})

	answerSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: metricsNamespace, Subsystem: metricsSubsystem, Name: "answer_seconds",
		Help: "Time from a callback's arrival until it was answered. Tencent waits for 2 seconds.",
		// 1.8 is the default budget: what is above it came too late for the backend
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 1.5, 1.8, 2},
	})

	// requestsBy has all series of requestsTotal, which exist from the start.
	requestsBy = func() map[result]prometheus.Counter {
		by := make(map[result]prometheus.Counter)
		for _, r := range results() {
			by[r] = requestsTotal.WithLabelValues(string(r))
		}
		return by
	}()
)

// registerMetrics makes the metrics part of a configuration's.
func registerMetrics(registry prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{requestsTotal, answerSeconds, deliveriesTotal, deliverySeconds, queueStates{}} {
		err := registry.Register(c)
		if _, again := errors.AsType[prometheus.AlreadyRegisteredError](err); err != nil && !again {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}

// count counts the request, once, when it has been answered.
func (c *callback) count() {
	if c.counted {
		return
	}
	c.counted = true
	by, ok := requestsBy[c.result]
	if !ok {
		by = requestsBy[resultUpstreamError] // a bug of ours ended it before its answer
	}
	by.Inc()
	answerSeconds.Observe(time.Since(c.began).Seconds())
}
