package profile

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Callback is a callback to send, as Tencent would: for tests and simulators.
type Callback struct {
	SDKAppID    string
	Command     string    // "" is [Command]
	ClientIP    string    // "" is 127.0.0.1
	OptPlatform string    // "" is RESTAPI
	Token       string    // "" sends neither Sign nor RequestTime
	Time        time.Time // RequestTime; the zero time is now
	Body        []byte
}

// NewRequest makes the POST with which Tencent would send c to the callback URL
// target, whose own parameters are kept.
func NewRequest(ctx context.Context, target string, c Callback) (*http.Request, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("callback URL: %w", err)
	}
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	query := "SdkAppid=" + url.QueryEscape(c.SDKAppID) +
		"&CallbackCommand=" + url.QueryEscape(or(c.Command, Command)) +
		"&contenttype=json" +
		"&ClientIP=" + url.QueryEscape(or(c.ClientIP, "127.0.0.1")) +
		"&OptPlatform=" + url.QueryEscape(or(c.OptPlatform, "RESTAPI"))
	if c.Token != "" {
		if c.Time.IsZero() {
			c.Time = time.Now()
		}
		requestTime := strconv.FormatInt(c.Time.Unix(), 10)
		query += "&RequestTime=" + requestTime + "&Sign=" + Sign(c.Token, requestTime)
	}
	if u.RawQuery != "" {
		query = u.RawQuery + "&" + query
	}
	u.RawQuery = query
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(c.Body))
	if err != nil {
		return nil, fmt.Errorf("callback URL: %w", err)
	}
	r.Header.Set("Content-Type", "application/json")
	return r, nil
}
