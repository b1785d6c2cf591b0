package timcallback

import (
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/d13c7061/caddy-tim-callback/internal/metrics"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

func init() {
	metrics.Add(requestsTotal, answerSeconds)
}

// resultOf is the result of a request that was not refused, by its answer's status.
func resultOf(status int) recent.Result {
	switch status {
	case http.StatusOK:
		return recent.OK
	case http.StatusServiceUnavailable:
		return recent.QueueError
	case http.StatusGatewayTimeout:
		return recent.UpstreamTimeout
	}
	return recent.UpstreamError
}

var (
	requestsTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metrics.Namespace, Subsystem: metrics.Subsystem, Name: "requests_total",
		Help: "Callbacks that were answered, by their outcome.",
	}, []string{"result"})

	answerSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Namespace: metrics.Namespace, Subsystem: metrics.Subsystem, Name: "answer_seconds",
		Help: "Time from a callback's arrival until it was answered. Tencent waits for 2 seconds.",
		// 1.8 is the default budget
		Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 1.5, 1.8, 2},
	})

	// requestsBy has all series of requestsTotal, which exist from the start.
	requestsBy = func() map[recent.Result]prometheus.Counter {
		by := make(map[recent.Result]prometheus.Counter)
		for _, r := range recent.Results() {
			by[r] = requestsTotal.WithLabelValues(string(r))
		}
		return by
	}()
)

// count counts the request, once, when it has been answered, and remembers it.
func (x *exchange) count() {
	if x.counted {
		return
	}
	x.counted = true
	by, ok := requestsBy[x.result]
	if !ok {
		by = requestsBy[recent.UpstreamError] // a bug of this module ended it before its answer
		x.result = recent.UpstreamError
	}
	by.Inc()
	took := time.Since(x.began)
	answerSeconds.Observe(took.Seconds())
	x.remember(took)
}
