package timcallback

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

var (
	deliveriesTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metricsNamespace, Subsystem: metricsSubsystem, Name: "deliveries_total",
		Help: "Attempts to deliver an event from a queue, by what they led to.",
	}, []string{"queue", "result"})

	deliverySeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: metricsNamespace, Subsystem: metricsSubsystem, Name: "delivery_seconds",
		Help:    "How long attempts to deliver an event from a queue took.",
		Buckets: append(prometheus.DefBuckets[:len(prometheus.DefBuckets):len(prometheus.DefBuckets)], 30, 60),
	}, []string{"queue"})

	queueEvents = prometheus.NewDesc(
		prometheus.BuildFQName(metricsNamespace, metricsSubsystem, "queue_events"),
		"Events in a queue: waiting to be delivered, being delivered, and dead letters.",
		[]string{"queue", "state"}, nil)

	queueOldest = prometheus.NewDesc(
		prometheus.BuildFQName(metricsNamespace, metricsSubsystem, "queue_oldest_seconds"),
		"How long the oldest event that is not delivered yet has been in a queue; 0 if there is none.",
		[]string{"queue"}, nil)
)

// queueStates collects what is in the queues that are delivered from now, when asked.
type queueStates struct{}

// Describe implements [prometheus.Collector].
func (queueStates) Describe(ch chan<- *prometheus.Desc) {
	ch <- queueEvents
	ch <- queueOldest
}

// Collect implements [prometheus.Collector].
func (queueStates) Collect(ch chan<- prometheus.Metric) {
	byName := make(map[string]queue.Counts)
	for _, o := range currentOwners() {
		store := o.shared.opened()
		if store == nil {
			continue
		}
		// a reload that moves a queue has two stores of its name for a moment
		byName[o.queue.Name] = sum(byName[o.queue.Name], store.Counts())
	}
	for name, counts := range byName {
		for _, state := range []struct {
			name string
			n    int
		}{{"waiting", counts.Waiting}, {"in_flight", counts.InFlight}, {"dead", counts.Dead}} {
			ch <- prometheus.MustNewConstMetric(queueEvents, prometheus.GaugeValue, float64(state.n), name, state.name)
		}
		age := 0.0
		if !counts.Oldest.IsZero() {
			age = max(time.Since(counts.Oldest).Seconds(), 0) // the clock may have been set back
		}
		ch <- prometheus.MustNewConstMetric(queueOldest, prometheus.GaugeValue, age, name)
	}
}

func sum(a, b queue.Counts) queue.Counts {
	if a.Oldest.IsZero() || !b.Oldest.IsZero() && b.Oldest.Before(a.Oldest) {
		a.Oldest = b.Oldest
	}
	a.Waiting += b.Waiting
	a.InFlight += b.InFlight
	a.Dead += b.Dead
	return a
}

// deliverySeries are the queues, by name, whose deliveries are counted, with how
// many configurations declare each. The series of one that none declares any more
// are dropped, since nothing will ever be counted there.
var deliverySeries = struct {
	sync.Mutex
	uses map[string]int
}{uses: make(map[string]int)}

// countDeliveries returns o counting what it is told, in series that exist from
// now until they are released.
func countDeliveries(queueName string, o delivery.Observer) delivery.Observer {
	deliverySeries.Lock()
	defer deliverySeries.Unlock()
	deliverySeries.uses[queueName]++
	by := make(map[delivery.Outcome]prometheus.Counter)
	for _, outcome := range delivery.Outcomes() {
		by[outcome] = deliveriesTotal.WithLabelValues(queueName, string(outcome))
	}
	seconds, told := deliverySeconds.WithLabelValues(queueName), o.Attempted
	o.Attempted = func(report delivery.Report) {
		by[report.Outcome].Inc()
		seconds.Observe(report.Took.Seconds())
		told(report)
	}
	return o
}

// releaseDeliveries ends a use of a queue's series.
func releaseDeliveries(queueName string) {
	deliverySeries.Lock()
	defer deliverySeries.Unlock()
	if deliverySeries.uses[queueName]--; deliverySeries.uses[queueName] > 0 {
		return
	}
	delete(deliverySeries.uses, queueName)
	deliveriesTotal.DeletePartialMatch(prometheus.Labels{"queue": queueName})
	deliverySeconds.DeleteLabelValues(queueName)
}

// Interface guards
var _ prometheus.Collector = queueStates{}
