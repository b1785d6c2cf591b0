package pgtest

import (
	"bytes"
	"slices"
	"strings"
)

// loss is what a proxy shall lose once.
type loss struct {
	text  string // of the statement
	reply bool   // lose the reply instead of the statement
	tail  []byte // of the reply until now
	done  chan struct{}
}

// SwallowReplyOf resets a connection between a statement and its reply: the server has
// executed the next statement that contains a text, and its reply is swallowed. The text
// may be in the SQL or in a parameter. That a statement gets prepared does not count.
//
// It happens once, on whatever connection. The returned channel is closed then. The
// proxy does not see through encryption.
func (p *Proxy) SwallowReplyOf(text string) <-chan struct{} { return p.lose(text, true) }

// LoseRequest is like [Proxy.SwallowReplyOf], but the server never gets the statement.
func (p *Proxy) LoseRequest(text string) <-chan struct{} { return p.lose(text, false) }

func (p *Proxy) lose(text string, reply bool) <-chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := &loss{text: text, reply: reply, done: make(chan struct{})}
	p.losses = append(p.losses, l)
	return l.done
}

// request reports whether what the client says is to be forwarded.
func (k *link) request(b []byte) bool {
	executed := k.requests.read(b)
	p := k.proxy
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, statement := range executed {
		i := slices.IndexFunc(p.losses, func(l *loss) bool { return strings.Contains(statement, l.text) })
		if i < 0 || k.losing != nil || k.gone {
			continue
		}
		l := p.losses[i]
		p.losses = slices.Delete(p.losses, i, i+1)
		if !l.reply {
			k.reset()
			close(l.done)
			return false
		}
		k.losing = l
	}
	return true
}

// reply reports whether what the server says is to be forwarded.
func (k *link) reply(b []byte) bool {
	k.proxy.mu.Lock()
	l := k.losing
	k.proxy.mu.Unlock()
	if l == nil {
		return true
	}
	// the server is ready for the next statement once this one is committed
	const ready = 6
	l.tail = append(l.tail, b...)
	l.tail = l.tail[max(0, len(l.tail)-ready):]
	if len(l.tail) == ready && bytes.HasPrefix(l.tail, []byte{'Z', 0, 0, 0, 5}) {
		k.lost()
	}
	return false
}

// lost resets a connection whose reply was swallowed. It reports whether there is one.
func (k *link) lost() bool {
	k.proxy.mu.Lock()
	defer k.proxy.mu.Unlock()
	if k.losing == nil {
		return false
	}
	k.reset()
	close(k.losing.done)
	k.losing = nil
	return true
}
