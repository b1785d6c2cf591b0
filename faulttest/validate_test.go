package faulttest

import (
	"context"
	"crypto/sha256"
	"os"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// `caddy validate` neither waits for the queue file of a running server nor changes it.
func TestValidate(t *testing.T) {
	b := newBackend(t)
	b.set(down)
	s := newServer(t, b)
	s.retry = "1h 1h" // so that the server does not write the file meanwhile
	s.start()
	l := newLoad(t, s, 3)
	l.sendAll(1)
	caddytest.Within(t, 10*time.Second, func() bool {
		state, err := s.state()
		return err == nil && state == queueState{Waiting: 3} && len(b.arrivals()) == 3
	}, "all events were attempted")

	look := func() (os.FileInfo, [sha256.Size]byte) {
		info, err := os.Stat(s.path)
		if err != nil {
			t.Fatal(err)
		}
		content, err := os.ReadFile(s.path)
		if err != nil {
			t.Fatal(err)
		}
		return info, sha256.Sum256(content)
	}
	before, sum := look()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	// if it waited for the file, it would fail after some seconds
	if output, err := s.command(ctx, "validate").CombinedOutput(); err != nil {
		t.Errorf("validate: %v\n%s", err, output)
	}
	after, sumAfter := look()
	if !os.SameFile(before, after) || !before.ModTime().Equal(after.ModTime()) || before.Size() != after.Size() || before.Mode() != after.Mode() || sum != sumAfter {
		t.Errorf("the file was changed: %v, then %v", before, after)
	}
	l.sendAll(1)
	l.mustRefuseNone()
}
