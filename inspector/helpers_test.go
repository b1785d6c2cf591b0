package inspector

import (
	"context"
	"net/http/httptest"
)

func testContext() (context.Context, context.CancelFunc) {
	return context.WithCancel(context.Background())
}

func newRecorder() *httptest.ResponseRecorder { return httptest.NewRecorder() }
