package timcallback

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

// TestStoring holds the context of storing to what context.WithDeadline does.
func TestStoring(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, atOnce := range []bool{true, false} {
			at := time.Now().Add(time.Second)
			ctx := &storing{deadline: at}
			if atOnce {
				ctx.Done()
			}
			if deadline, ok := ctx.Deadline(); !ok || deadline != at || ctx.Err() != nil || ctx.Value(1) != nil {
				t.Errorf("%v: %v %v %v", atOnce, deadline, ok, ctx.Err())
			}
			if atOnce {
				<-ctx.Done()
			} else {
				time.Sleep(time.Until(at))
			}
			if !errors.Is(ctx.Err(), context.DeadlineExceeded) {
				t.Errorf("%v: %v", atOnce, ctx.Err())
			}
			child, cancel := context.WithCancel(ctx)
			defer cancel()
			<-ctx.Done()
			<-child.Done()
			if !errors.Is(child.Err(), context.DeadlineExceeded) {
				t.Errorf("%v: a child has %v", atOnce, child.Err())
			}
		}
		ended := &storing{deadline: time.Now().Add(time.Hour)}
		done := ended.Done()
		ended.end()
		ended.end()
		<-done
		if !errors.Is(ended.Err(), context.Canceled) {
			t.Errorf("ended: %v", ended.Err())
		}
		late := &storing{deadline: time.Now().Add(time.Hour)}
		late.end()
		<-late.Done()
	})
}
