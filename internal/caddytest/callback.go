package caddytest

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// SignedQuery returns the query of the sample, signed now. changes are pairs of a
// parameter and its value; "" removes the parameter.
func SignedQuery(changes ...string) string {
	now := strconv.FormatInt(time.Now().Unix(), 10)
	q := url.Values{
		"SdkAppid":        {sample.SDKAppID},
		"CallbackCommand": {profile.Command},
		"contenttype":     {"json"},
		"ClientIP":        {"127.0.0.1"},
		"OptPlatform":     {"iOS"},
		"RequestTime":     {now},
		"Sign":            {callback.Sign(sample.Token, now)},
	}
	for i := 0; i < len(changes); i += 2 {
		if changes[i+1] == "" {
			q.Del(changes[i])
		} else {
			q.Set(changes[i], changes[i+1])
		}
	}
	return q.Encode()
}

// BodyOf returns the body of the sample for another user, and for the n-th change of
// that user.
func BodyOf(user string, n int) string {
	body := strings.ReplaceAll(sample.Body, strconv.Quote(sample.UserID), strconv.Quote(user))
	return strings.Replace(body, "1656921052497", fmt.Sprint(1656921052497+n), 1)
}
