package pgtest

import (
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"
)

// echo starts a server that sends everything back, after a name.
func echo(t *testing.T, name string) (address string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				io.WriteString(conn, name)
				io.Copy(conn, conn)
			}()
		}
	}()
	return l.Addr().String()
}

// peer is a client of a proxy.
type peer struct {
	*testing.T
	net.Conn
}

func dial(t *testing.T, p *Proxy) peer {
	conn, err := net.Dial("tcp", p.Addr())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return peer{t, conn}
}

func (c peer) say(text string) {
	c.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.Fatal(err)
	}
}

// hear expects the next bytes, or an error.
func (c peer) hear(want string) {
	c.Helper()
	c.SetReadDeadline(time.Now().Add(limit))
	b := make([]byte, max(1, len(want)))
	if n, err := io.ReadFull(c, b); string(b[:n]) != want || (err != nil) != (want == "") {
		c.Fatalf("heard %q, %v instead of %q", b[:n], err, want)
	}
}

func (c peer) silence() {
	c.Helper()
	c.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	n, err := c.Read(make([]byte, 1))
	if err, ok := err.(net.Error); n != 0 || !ok || !err.Timeout() {
		c.Fatalf("heard %d bytes, %v", n, err)
	}
}

func TestProxy(t *testing.T) {
	before := runtime.NumGoroutine()
	t.Run("", func(t *testing.T) {
		p := NewProxy(t, echo(t, "one"))
		old := dial(t, p)
		old.hear("one")
		old.say("hello")
		old.hear("hello")

		p.Point(echo(t, "two"))
		dial(t, p).hear("two")
		old.say("still one")
		old.hear("still one")

		p.Freeze()
		old.say("frozen")
		young := dial(t, p)
		old.silence()
		young.silence()
		p.Thaw()
		old.hear("frozen")
		young.hear("two")

		p.Cut()
		old.hear("")
		young.hear("")
		if conn, err := net.Dial("tcp", p.Addr()); err == nil {
			peer{t, conn}.hear("")
			conn.Close()
		}
		p.Heal()
		young = dial(t, p)
		young.hear("two")

		// the end of what a client says does not end what it hears
		young.say("bye")
		young.Conn.(*net.TCPConn).CloseWrite()
		young.hear("bye")
		young.hear("")

		p.Freeze()
		dial(t, p).silence() // it is closed while it hangs
	})
	for deadline := time.Now().Add(limit); runtime.NumGoroutine() > before; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<16)
			t.Fatalf("goroutines are left:\n%s", stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// TestProxyFreezesWrites freezes a proxy whose client does not read.
func TestProxyFreezesWrites(t *testing.T) {
	p := NewProxy(t, echo(t, ""))
	c := dial(t, p)
	text := strings.Repeat("0123456789abcdef", 1<<20)
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(c, text)
		sent <- err
	}()
	time.Sleep(100 * time.Millisecond)
	p.Freeze()
	p.Thaw()
	c.hear(text)
	if err := <-sent; err != nil {
		t.Fatal(err)
	}
}

func TestProxyLosesStatements(t *testing.T) {
	t.Parallel()
	s := Start(t)
	p := NewProxy(t, s.Address())
	s.Exec("CREATE TABLE t (n int)")
	try := func(sql string) error {
		_, err := s.psql(context.Background(), p.DSN("postgres"), sql)
		return err
	}
	closed := func(done <-chan struct{}) {
		t.Helper()
		select {
		case <-done:
		case <-time.After(limit):
			t.Fatal("nothing was lost")
		}
	}
	if err := try("INSERT INTO t VALUES (1)"); err != nil {
		t.Fatal(err)
	}
	done := p.SwallowReplyOf("INSERT")
	if err := try("SELECT 1"); err != nil {
		t.Fatal(err)
	}
	if err := try("INSERT INTO t SELECT 2 FROM generate_series(1, 10000) RETURNING n"); err == nil || !strings.Contains(err.Error(), "connection") {
		t.Fatalf("the reply was not lost: %v", err)
	}
	closed(done)
	if got := s.Query("SELECT count(*) FROM t"); got != "10001" {
		t.Fatalf("the statement was not executed: %s rows", got)
	}
	done = p.LoseRequest("INSERT")
	if err := try("INSERT INTO t VALUES (3)"); err == nil {
		t.Fatal("the statement was not lost")
	}
	closed(done)
	if err := try("INSERT INTO t VALUES (4)"); err != nil {
		t.Fatal(err)
	}
	if got := s.Query("SELECT max(n), count(*) FROM t WHERE n > 2"); got != "4|1" {
		t.Fatalf("rows %s", got)
	}
}
