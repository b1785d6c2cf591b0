package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// takeProfile has a server profile itself under load. It comes after the rounds,
// since profiling costs time too.
func takeProfile(ctx context.Context, opts *options, load *generator) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	loaded := make(chan error, 1)
	go func() {
		// longer than the profile, so that none of it shows an idle server
		_, err := load.run(ctx, opts.profiled, opts.round+2*time.Second)
		loaded <- err
	}()
	time.Sleep(500 * time.Millisecond)
	fetched := fetchProfile(ctx, opts)
	if fetched != nil {
		cancel() // the load is of no use any more
	}
	if err := <-loaded; err != nil && fetched == nil {
		return err
	}
	if fetched != nil {
		return fmt.Errorf("taking a profile: %w", fetched)
	}
	fmt.Printf("\nCPU profile of %s under load: go tool pprof -top -cum -focus caddy-tim-callback %s\n", opts.profiled.name, opts.profile)
	return nil
}

func fetchProfile(ctx context.Context, opts *options) error {
	url := "http://" + opts.profiled.admin + "/debug/pprof/profile?seconds=" + strconv.Itoa(int(opts.round/time.Second))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: opts.round + 15*time.Second}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err
	case response.StatusCode != http.StatusOK:
		return fmt.Errorf("the answer is %s: %s", response.Status, strings.TrimSpace(string(body)))
	}
	return os.WriteFile(opts.profile, body, 0o644)
}
