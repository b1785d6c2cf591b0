package pgtest

import (
	"context"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// link is a connection of a client, and that to the server behind it.
type link struct {
	proxy    *Proxy
	client   *net.TCPConn
	requests requests

	// under the proxy's lock
	server *net.TCPConn       // nil until it is connected
	abort  context.CancelFunc // of the connecting
	gone   bool
	losing *loss // whose reply the server is about to give
}

var errGone = errors.New("the connection is closed")

// run moves what both sides say until one of them fails, or both have ended.
func (k *link) run() {
	if k.connect() != nil {
		k.fail()
		return
	}
	var both sync.WaitGroup
	both.Go(func() { k.move(k.server, k.client, k.request) })
	both.Go(func() { k.move(k.client, k.server, k.reply) })
	both.Wait()
	k.proxy.mu.Lock()
	defer k.proxy.mu.Unlock()
	k.close()
}

// connect connects to the server, but not while the proxy is frozen.
func (k *link) connect() error {
	if err := k.pass(func() error { return nil }); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	p := k.proxy
	p.mu.Lock()
	k.abort = cancel
	target, gone := p.target, k.gone
	p.mu.Unlock()
	if gone {
		return errGone
	}
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", target)
	if err != nil {
		return err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	k.server = conn.(*net.TCPConn)
	if k.gone {
		k.server.Close()
		return errGone
	}
	return nil
}

// move moves what one side says to the other, if a filter lets it. If one side has
// ended, it ends that direction. An error ends both.
func (k *link) move(to, from *net.TCPConn, filter func([]byte) bool) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if k.pass(func() error { return nil }) != nil {
			return
		}
		if n > 0 && filter(buffer[:n]) {
			err = errors.Join(err, k.write(to, buffer[:n]))
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF) && !(from == k.server && k.lost()) && k.pass(to.CloseWrite) == nil:
			return
		default:
			k.fail()
			return
		}
	}
}

// write writes everything, as far as the proxy is not frozen meanwhile.
func (k *link) write(to *net.TCPConn, b []byte) error {
	for len(b) > 0 {
		err := k.pass(func() error {
			n, err := to.Write(b)
			b = b[n:]
			return err
		})
		if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return err
		}
	}
	return nil
}

// pass does something that a frozen proxy must not do. It waits until it is not.
func (k *link) pass(do func() error) error {
	p := k.proxy
	p.mu.Lock()
	for p.frozen && !k.gone {
		p.changed.Wait()
	}
	if k.gone {
		p.mu.Unlock()
		return errGone
	}
	p.writing++
	p.mu.Unlock()
	err := do()
	p.mu.Lock()
	p.writing--
	p.changed.Broadcast()
	p.mu.Unlock()
	return err
}

// fail resets the connection.
func (k *link) fail() {
	k.proxy.mu.Lock()
	defer k.proxy.mu.Unlock()
	k.reset()
}

// reset closes both connections so that the other sides get an error. It is for callers
// that hold the lock.
func (k *link) reset() {
	if k.gone {
		return
	}
	for _, conn := range []*net.TCPConn{k.client, k.server} {
		if conn != nil {
			_ = conn.SetLinger(0)
		}
	}
	k.close()
}

// close closes both connections. It is for callers that hold the lock.
func (k *link) close() {
	if k.gone {
		return
	}
	k.gone = true
	k.client.Close()
	if k.server != nil {
		k.server.Close()
	}
	if k.abort != nil {
		k.abort()
	}
	delete(k.proxy.links, k)
	k.proxy.changed.Broadcast()
}

// deadline limits the writes. It is for callers that hold the lock.
func (k *link) deadline(t time.Time) {
	_ = k.client.SetWriteDeadline(t)
	if k.server != nil {
		_ = k.server.SetWriteDeadline(t)
	}
}
