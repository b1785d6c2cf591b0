// Package backend runs Caddy's handlers for a callback and takes their response: the
// next handlers of a request that is forwarded, and the route of a queue.
package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Call runs a handler and turns a panic into an error, so that Tencent gets an answer
// even then. A panic with [http.ErrAbortHandler], with which reverse_proxy tells that
// a body broke off, is returned as that error, any other one as a [*PanicError].
func Call(next caddyhttp.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = http.ErrAbortHandler
		default:
			err = &PanicError{p, debug.Stack()}
		}
	}()
	err = next.ServeHTTP(w, r)
	if handlerErr, ok := errors.AsType[caddyhttp.HandlerError](err); ok && handlerErr.Err != nil {
		err = handlerErr.Err // without the place in Caddy's code
	}
	return err
}

// PanicError is a panic that is a bug of a handler.
type PanicError struct {
	Value any
	Stack []byte
}

func (e *PanicError) Error() string { return fmt.Sprintf("panic: %v", e.Value) }

// SetContext sets the context of r in place, since placeholders are bound to r
// itself. The context stays there, because a transport may still be reading r when
// its handler has returned.
func SetContext(r *http.Request, ctx context.Context) { *r = *r.WithContext(ctx) }
