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

// TakeProfile has a server, which has an admin endpoint, profile itself under load.
// It comes after the rounds, since profiling costs time too.
func (g *Generator) TakeProfile(ctx context.Context, s *Server, duration time.Duration, path string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	loaded := make(chan error, 1)
	go func() {
		// longer than the profile, so that none of it shows an idle server
		_, err := g.Run(ctx, s, duration+2*time.Second)
		loaded <- err
	}()
	time.Sleep(500 * time.Millisecond)
	fetched := s.Profile(ctx, duration, path)
	if fetched != nil {
		cancel() // the load is of no use any more
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

// Profile has the server, which has an admin endpoint, profile itself.
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
