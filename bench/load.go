package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// sampleBody is the body that Tencent's documents show.
const sampleBody = `{
  "CallbackCommand": "Profile.CallbackPortraitSet",
  "Operator_Account": "id1",
  "From_Account": "id1",
  "EventTime": 1656921052497,
  "ProfileItem": [
    {"Tag": "Tag_Profile_IM_Nick", "Value": "nick1"},
    {"Tag": "Tag_Profile_IM_Gender", "Value": "Gender_Type_Male"},
    {"Tag": "Tag_Profile_IM_AllowType", "Value": "AllowType_Type_NeedConfirm"},
    {"Tag": "Tag_Profile_Custom_Data", "Value": "your custom data"}
  ]
}`

// script tells wrk what to send and to end with one line for parse.
const script = `wrk.method = "POST"
wrk.path = %q
wrk.body = [==[%s]==]
wrk.headers["Content-Type"] = %q
function done(summary, latency)
	local e = summary.errors
	io.write(string.format("BENCH %%d %%d %%d %%d %%d %%d %%d %%d %%d %%d\n",
		summary.requests, summary.duration,
		latency:percentile(50), latency:percentile(90), latency:percentile(99),
		e.connect, e.read, e.write, e.timeout, e.status))
end
`

// result is one server under load for a while.
type result struct {
	cpu           time.Duration // of the server process per request
	perSecond     float64       // requests
	p50, p90, p99 time.Duration
	others        float64 // share of the server's core that was not the server's, nor idle
}

// generator loads servers, one at a time.
type generator struct {
	connections int
	script      string // file, written anew for each run
}

// run loads s for the duration. Any request that failed is an error: a refusal
// costs something else than an answer.
func (g *generator) run(ctx context.Context, s *server, duration time.Duration) (result, error) {
	fail := func(err error) (result, error) {
		return result{}, fmt.Errorf("loading the server %s: %w", s.name, errors.Join(err, s.gone()))
	}
	if err := g.write(ctx, s); err != nil {
		return fail(err)
	}
	limited, cancel := context.WithTimeout(ctx, duration+15*time.Second)
	defer cancel()
	wrk := exec.CommandContext(limited, "taskset", "-c", loadCore, "wrk",
		"--threads", "1",
		"--connections", strconv.Itoa(g.connections),
		"--duration", strconv.Itoa(int(duration/time.Second))+"s",
		"--timeout", "10s", // a machine that stands still for a moment is no failure of the server
		"--script", g.script,
		"https://"+s.addr)
	before, err := s.usage()
	if err != nil {
		return fail(err)
	}
	output, err := wrk.CombinedOutput()
	if err != nil {
		if limited.Err() != nil {
			err = limited.Err()
		}
		return fail(fmt.Errorf("wrk: %w\n%s", err, output))
	}
	after, err := s.usage()
	if err != nil {
		return fail(err)
	}
	r, requests, err := parse(output)
	if err != nil {
		return fail(err)
	}
	used := after.process - before.process
	r.cpu = used / time.Duration(requests)
	r.others = float64(after.core-before.core-used) / float64(after.at.Sub(before.at))
	return r, nil
}

// write makes the script with a callback that is signed now.
func (g *generator) write(ctx context.Context, s *server) error {
	request, err := s.callback(ctx)
	if err != nil {
		return err
	}
	text := fmt.Sprintf(script, request.URL.RequestURI(), sampleBody, request.Header.Get("Content-Type"))
	if err := os.WriteFile(g.script, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing the script for wrk: %w", err)
	}
	return nil
}

// parse reads the line that the script prints.
func parse(output []byte) (r result, requests int64, err error) {
	i := bytes.Index(output, []byte("BENCH "))
	if i < 0 {
		return r, 0, fmt.Errorf("wrk has an unknown format:\n%s", output)
	}
	var micros, p50, p90, p99 int64
	var connect, read, write, timeout, status int64
	if _, err := fmt.Sscanf(string(output[i:]), "BENCH %d %d %d %d %d %d %d %d %d %d",
		&requests, &micros, &p50, &p90, &p99, &connect, &read, &write, &timeout, &status); err != nil {
		return r, 0, fmt.Errorf("wrk has an unknown format: %w\n%s", err, output)
	}
	switch {
	case connect+read+write+timeout+status > 0:
		return r, 0, fmt.Errorf("not all of %d requests went well: %d connections refused, %d reads and %d writes failed, %d timed out, %d answers with a status of 400 and more",
			requests, connect, read, write, timeout, status)
	case requests == 0 || micros == 0:
		return r, 0, errors.New("no request was answered")
	}
	r.perSecond = float64(requests) / (time.Duration(micros) * time.Microsecond).Seconds()
	r.p50, r.p90, r.p99 = time.Duration(p50)*time.Microsecond, time.Duration(p90)*time.Microsecond, time.Duration(p99)*time.Microsecond
	return r, requests, nil
}
