package queues

import (
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/internal/metrics"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

func init() {
	metrics.Add(deliveriesTotal, deliverySeconds, queueStates{})
}

var (
	deliveriesTotal = prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: metrics.Namespace, Subsystem: metrics.Subsystem, Name: "deliveries_total",
		Help: "Attempts to deliver an event from a queue, by their outcome.",
	}, []string{"queue", "result"})

	deliverySeconds = prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: metrics.Namespace, Subsystem: metrics.Subsystem, Name: "delivery_seconds",
		Help:    "How long attempts to deliver an event from a queue took.",
		Buckets: append(prometheus.DefBuckets[:len(prometheus.DefBuckets):len(prometheus.DefBuckets)], 30, 60),
	}, []string{"queue"})

	queueEvents = desc("queue_events",
		"Events in a queue: waiting to be delivered, being delivered, and dead letters.", "queue", "state")

	queueBytes = desc("queue_bytes",
		"Bytes that the events in a queue take, dead letters included.", "queue")

	queueOldest = desc("queue_oldest_seconds",
		"How long the oldest event that is not delivered yet has been in a queue; 0 if there is none.", "queue")

	queueSpooled = desc("queue_spooled_events",
		"Events on the disk of this machine that the store of a queue has not taken yet.", "queue")

	queuePartitions = desc("queue_partitions",
		"Parts of a queue that several nodes share which this node delivers.", "queue")

	queueStoreUp = desc("queue_store_up",
		"Whether this node can reach the store of a queue that several nodes share.", "queue")
)

// desc describes a gauge of queues.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prometheus.BuildFQName(metrics.Namespace, metrics.Subsystem, name), help, labels, nil)
}

// queueStates collects what is in the queues that are delivered from now, when asked.
type queueStates struct{}

// Describe implements [prometheus.Collector].
func (queueStates) Describe(ch chan<- *prometheus.Desc) {
	ch <- queueEvents
	ch <- queueBytes
	ch <- queueOldest
	ch <- queueSpooled
	ch <- queuePartitions
	ch <- queueStoreUp
}

// Collect implements [prometheus.Collector].
func (queueStates) Collect(ch chan<- prometheus.Metric) {
	byName, nodes := make(map[string]queue.Counts), make(map[string]queue.Node)
	for _, q := range Current() {
		byName[q.Name] = sum(byName[q.Name], q.Store.Counts())
		if shared, ok := q.Store.(queue.Shared); ok {
			node, other := shared.Node(), nodes[q.Name]
			node.Partitions, node.Up = node.Partitions+other.Partitions, node.Up && (other.Up || other == queue.Node{})
			nodes[q.Name] = node
		}
	}
	for name, node := range nodes {
		up := 0.0
		if node.Up {
			up = 1
		}
		ch <- prometheus.MustNewConstMetric(queuePartitions, prometheus.GaugeValue, float64(node.Partitions), name)
		ch <- prometheus.MustNewConstMetric(queueStoreUp, prometheus.GaugeValue, up, name)
	}
	for name, counts := range byName {
		for _, state := range []struct {
			name string
			n    int
		}{{"waiting", counts.Waiting}, {"in_flight", counts.InFlight}, {"dead", counts.Dead}} {
			ch <- prometheus.MustNewConstMetric(queueEvents, prometheus.GaugeValue, float64(state.n), name, state.name)
		}
		ch <- prometheus.MustNewConstMetric(queueBytes, prometheus.GaugeValue, float64(counts.Bytes), name)
		age := 0.0
		if !counts.Oldest.IsZero() {
			age = max(time.Since(counts.Oldest).Seconds(), 0) // the clock may have been set back
		}
		ch <- prometheus.MustNewConstMetric(queueOldest, prometheus.GaugeValue, age, name)
		ch <- prometheus.MustNewConstMetric(queueSpooled, prometheus.GaugeValue, float64(counts.Spooled), name)
	}
}

func sum(a, b queue.Counts) queue.Counts {
	if a.Oldest.IsZero() || !b.Oldest.IsZero() && b.Oldest.Before(a.Oldest) {
		a.Oldest = b.Oldest
	}
	a.Waiting += b.Waiting
	a.InFlight += b.InFlight
	a.Dead += b.Dead
	a.Bytes += b.Bytes
	a.Spooled += b.Spooled
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
