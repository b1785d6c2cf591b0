package queue

import (
	"errors"
	"regexp"

	"go.uber.org/zap"
)

// ModuleNamespace is the namespace of the Caddy modules that open stores. Each of them
// implements [Module]. The part of the module ID after the namespace, such as `file`, is the
// kind of the store.
const ModuleNamespace = "tim_callback.queues"

// Module is a Caddy module that opens stores of one kind. Caddy also loads configurations
// that it never runs, so only Open may create, lock or change the place where events are kept.
type Module interface {
	// Location returns where the store of a queue keeps its events, for example the
	// absolute path of a file. Two queues must not have the same location.
	Location(queueName string) string

	// Place returns the location as it is configured, without expanding placeholders.
	// Errors and logs use it, since the value of a placeholder may be secret.
	Place(queueName string) string

	// Files returns the absolute paths of the files on this machine in which the store of a
	// queue keeps events, or spools them. Two queues must not have a file in common.
	Files(queueName string) []string

	// Open opens the store of a queue, and makes a new one if there is none. Its
	// errors must not quote the values of placeholders.
	Open(queueName string, options Options) (Store, error)
}

// Updater is what a [Module] may implement besides. A store outlives the configuration that has
// opened it. Update is called with such a store when the configuration of this module begins to
// deliver its events, so that settings that have changed since take effect.
type Updater interface {
	Update(Store)
}

// Options are the options that stores of all kinds have.
type Options struct {
	Limits Limits // zero values mean the defaults

	// OnError is called with an error when the store cannot write any more, and with
	// nil when it can write again.
	OnError func(error)

	// Logger is for what a store has to tell besides. It outlives configurations. Nil
	// means that nobody listens.
	Logger *zap.Logger

	// Spool opens the queue file at an absolute path for a store that keeps events there
	// for a while. If a queue of the process has the file open, as the one before a reload
	// may have, both share it, and the limits are those that it has. Errors quote the path.
	// Nil means that there is no such file.
	Spool func(path string, limits Limits) (*Spool, error)
}

// Spool is a queue file in which another store keeps events for a while.
type Spool struct {
	Store Store

	// DeliveredFrom reports whether a queue of the process delivers the events of the file. The
	// other store must leave them alone meanwhile.
	DeliveredFrom func() bool

	// Release must be called in place of Close.
	Release func() error
}

// DefaultName is the name of a queue that is configured without a name.
const DefaultName = "default"

var validName = regexp.MustCompile(`^[a-z0-9_-]{1,64}$`)

// CheckName returns an error if a queue must not have this name. A name has 1 to 64
// characters, which may be a-z, 0-9, _ and -. The error does not quote the name.
func CheckName(name string) error {
	if !validName.MatchString(name) {
		return errors.New("the name of a queue has 1 to 64 characters, of a-z, 0-9, _ and -")
	}
	return nil
}
