package callback

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Request is a callback to be sent in the way Tencent sends it, for tests and simulators.
type Request struct {
	SDKAppID    string
	Command     string    // e.g. "Profile.CallbackPortraitSet"
	ClientIP    string    // default: 127.0.0.1
	OptPlatform string    // default: RESTAPI
	Token       string    // if it is empty, the request has neither Sign nor RequestTime
	Time        time.Time // becomes RequestTime; default: the present time
	Body        []byte
}

// NewRequest returns the POST request that Tencent would send to the callback URL target.
// Parameters that target itself has are kept. NewRequest returns an error if target is
// not a valid URL.
func NewRequest(ctx context.Context, target string, c Request) (*http.Request, error) {
	u, err := url.Parse(target)
	if err != nil {
		return nil, fmt.Errorf("callback URL: %w", err)
	}
	query := "SdkAppid=" + url.QueryEscape(c.SDKAppID) +
		"&CallbackCommand=" + url.QueryEscape(c.Command) +
		"&contenttype=json" +
		"&ClientIP=" + url.QueryEscape(cmp.Or(c.ClientIP, "127.0.0.1")) +
		"&OptPlatform=" + url.QueryEscape(cmp.Or(c.OptPlatform, "RESTAPI"))
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
