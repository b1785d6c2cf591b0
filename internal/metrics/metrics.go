// Package metrics registers the module's collectors in the registries of Caddy's
// configurations, and says how their names begin.
package metrics

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// The names of all metrics begin with "caddy_tim_callback_".
const Namespace, Subsystem = "caddy", "tim_callback"

var collectors []prometheus.Collector

// Add adds collectors of the process. Call it in an init function only. They are
// made once, so that they count on across reloads of the configuration.
func Add(c ...prometheus.Collector) { collectors = append(collectors, c...) }

// Register registers all collectors in the registry of a configuration. Caddy makes
// a new registry for each. Collectors that are registered already are no error.
func Register(registry prometheus.Registerer) error {
	for _, c := range collectors {
		err := registry.Register(c)
		if _, again := errors.AsType[prometheus.AlreadyRegisteredError](err); err != nil && !again {
			return fmt.Errorf("registering metrics: %w", err)
		}
	}
	return nil
}
