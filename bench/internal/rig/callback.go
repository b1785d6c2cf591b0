package rig

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// The app that the callbacks are of, and where they are sent.
const (
	SDKAppID     = sample.SDKAppID
	Token        = sample.Token
	CallbackPath = "/im/callback"
)

// okAnswer is the body of the right answer to a callback.
var okAnswer = string(callback.OK().JSON())

// NewCallback makes a callback to s, signed now.
func (s *Server) NewCallback(ctx context.Context, body []byte) (*http.Request, error) {
	return callback.NewRequest(ctx, s.URL(), callback.Request{
		SDKAppID: SDKAppID,
		Command:  profile.Command,
		Token:    Token,
		Body:     body,
	})
}

// Send sends a callback. Anything but the right answer is an error.
func (s *Server) Send(ctx context.Context, client *http.Client, body []byte) error {
	request, err := s.NewCallback(ctx, body)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK || string(answer) != okAnswer:
		return fmt.Errorf("the answer is %s with the body %q", response.Status, answer)
	}
	return nil
}

// UniqueBody returns the sample as the callback of another user, whose name has the run
// and the number, at the present time.
func UniqueBody(run string, n int) []byte {
	user := fmt.Sprintf("user-%s-%d", run, n)
	body := strings.Replace(sample.Body, `"From_Account": "id1"`, fmt.Sprintf(`"From_Account": %q`, user), 1)
	return []byte(strings.Replace(body, "1656921052497", strconv.FormatInt(time.Now().UnixMilli(), 10), 1))
}
