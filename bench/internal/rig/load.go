package rig

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

// script tells wrk what to send. At its end it prints one line for parse.
const script = `wrk.method = "POST"
wrk.path = %q
wrk.body = [==[%s]==]
wrk.headers["Content-Type"] = %q
%s
function done(summary, latency)
	local e = summary.errors
	io.write(string.format("BENCH %%d %%d %%d %%d %%d %%d %%d %%d %%d %%d\n",
		summary.requests, summary.duration,
		latency:percentile(50), latency:percentile(90), latency:percentile(99),
		e.connect, e.read, e.write, e.timeout, e.status))
end
`

// unique makes wrk send the callback of another user each time.
const unique = `local head, tail = wrk.body:match('^(.*"From_Account": "[^"]*)(".*)$')
local n = 0
function request()
	n = n + 1
	return wrk.format(nil, nil, nil, head .. n .. tail)
end`

// Result is what was measured of a server under load.
type Result struct {
	Requests      int64
	CPU           time.Duration // of the server's process, per request
	PerSecond     float64       // requests
	P50, P90, P99 time.Duration
	Others        float64       // the share of the server's core that other processes took
	Delivered     float64       // events per second that the server's queue delivered meanwhile
	Database      time.Duration // CPU time of the database that the server uses, per request
}

// What the tables show of a result.
var (
	CPUPerRequest     = Quantity[Result]{"CPU µs/request", "%.1f", func(r Result) float64 { return In(time.Microsecond, r.CPU) }}
	RequestsPerSecond = Quantity[Result]{"requests/s", "%.0f", func(r Result) float64 { return r.PerSecond }}
	P50               = Quantity[Result]{"p50 ms", "%.2f", func(r Result) float64 { return In(time.Millisecond, r.P50) }}
	P90               = Quantity[Result]{"p90 ms", "%.2f", func(r Result) float64 { return In(time.Millisecond, r.P90) }}
	P99               = Quantity[Result]{"p99 ms", "%.2f", func(r Result) float64 { return In(time.Millisecond, r.P99) }}
	DeliveredRate     = Quantity[Result]{"delivered/s", "%.0f", func(r Result) float64 { return r.Delivered }}
	DatabaseCPU       = Quantity[Result]{"database µs", "%.1f", func(r Result) float64 { return In(time.Microsecond, r.Database) }}
	OthersPercent     = Quantity[Result]{"others %", "%.0f", func(r Result) float64 { return 100 * r.Others }}
)

// Generator loads one server at a time.
type Generator struct {
	Connections int
	Script      string // the file of the script, which is written anew for each run
	Unique      bool   // no callback is sent twice
}

// NewGenerator makes a generator whose script is in the rig's folder.
func (r *Rig) NewGenerator(connections int, unique bool) *Generator {
	return &Generator{Connections: connections, Script: filepath.Join(r.Dir, "post.lua"), Unique: unique}
}

// Run loads s for the duration. It is an error if any request fails, since a refusal
// costs less than an answer.
func (g *Generator) Run(ctx context.Context, s *Server, duration time.Duration) (Result, error) {
	fail := func(err error) (Result, error) {
		return Result{}, fmt.Errorf("loading the server %s: %w", s.Name, errors.Join(err, s.Gone()))
	}
	if err := g.write(ctx, s); err != nil {
		return fail(err)
	}
	limited, cancel := context.WithTimeout(ctx, duration+15*time.Second)
	defer cancel()
	wrk := exec.CommandContext(limited, "taskset", "-c", LoadCore, "wrk",
		"--threads", "1",
		"--connections", strconv.Itoa(g.Connections),
		"--duration", strconv.Itoa(int(duration/time.Second))+"s",
		"--timeout", "10s", // it is no failure of the server if the machine stands still for a moment
		"--script", g.Script,
		"https://"+s.Addr)
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
	r, err := parse(output)
	if err != nil {
		return fail(err)
	}
	used := after.process - before.process
	r.CPU = used / time.Duration(r.Requests)
	r.Others = float64(after.core-before.core-used) / float64(after.at.Sub(before.at))
	return r, nil
}

// write writes the script with a callback that is signed now.
func (g *Generator) write(ctx context.Context, s *Server) error {
	body, requests := []byte(sample.Body), ""
	if g.Unique {
		body, requests = UniqueBody(strconv.FormatInt(time.Now().UnixMicro(), 36), 0), unique
	}
	request, err := s.NewCallback(ctx, body)
	if err != nil {
		return err
	}
	text := fmt.Sprintf(script, request.URL.RequestURI(), body, request.Header.Get("Content-Type"), requests)
	if err := os.WriteFile(g.Script, []byte(text), 0o600); err != nil {
		return fmt.Errorf("writing the script for wrk: %w", err)
	}
	return nil
}

// parse reads the line that the script prints.
func parse(output []byte) (r Result, err error) {
	i := bytes.Index(output, []byte("BENCH "))
	if i < 0 {
		return r, fmt.Errorf("wrk has an unknown format:\n%s", output)
	}
	var micros, p50, p90, p99 int64
	var connect, read, write, timeout, status int64
	if _, err := fmt.Sscanf(string(output[i:]), "BENCH %d %d %d %d %d %d %d %d %d %d",
		&r.Requests, &micros, &p50, &p90, &p99, &connect, &read, &write, &timeout, &status); err != nil {
		return r, fmt.Errorf("wrk has an unknown format: %w\n%s", err, output)
	}
	switch {
	case connect+read+write+timeout+status > 0:
		return r, fmt.Errorf("not all of %d requests went well: %d connections refused, %d reads and %d writes failed, %d timed out, %d answers with a status of 400 and more",
			r.Requests, connect, read, write, timeout, status)
	case r.Requests == 0 || micros == 0:
		return r, errors.New("no request was answered")
	}
	r.PerSecond = float64(r.Requests) / (time.Duration(micros) * time.Microsecond).Seconds()
	r.P50, r.P90, r.P99 = time.Duration(p50)*time.Microsecond, time.Duration(p90)*time.Microsecond, time.Duration(p99)*time.Microsecond
	return r, nil
}
