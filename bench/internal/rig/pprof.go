package rig

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

// TakeProfile loads a server that has an admin endpoint, and writes a CPU profile of it
// to a file. It is used after the rounds, since profiling takes CPU time too.
func (c *Comparison) TakeProfile(ctx context.Context, s *Server, path string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	loaded := make(chan error, 1)
	go func() {
		// the load lasts longer than the profile, so that no part of it shows an idle server
		_, err := c.Load.Run(ctx, s, c.round+2*time.Second)
		loaded <- err
	}()
	time.Sleep(500 * time.Millisecond)
	fetched := s.Profile(ctx, c.round, path)
	if fetched != nil {
		cancel() // the load is not needed any more
	}
	if err := <-loaded; err != nil && fetched == nil {
		return err
	}
	if fetched != nil {
		return fmt.Errorf("taking a profile: %w", fetched)
	}
	fmt.Printf("\nCPU profile of %s under load: go tool pprof -top -cum -focus caddy-tim-callback %s\n", s.Name, path)
	return nil
}

// Profile writes a CPU profile of the server to a file. The server needs an admin endpoint.
func (s *Server) Profile(ctx context.Context, duration time.Duration, path string) error {
	url := "http://" + s.Admin + "/debug/pprof/profile?seconds=" + strconv.Itoa(int(duration/time.Second))
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	client := &http.Client{Timeout: duration + 15*time.Second}
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
	return os.WriteFile(path, body, 0o644)
}
