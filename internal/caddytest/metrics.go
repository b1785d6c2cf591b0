package caddytest

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/d13c7061/caddy-tim-callback/internal/metrics"
)

// Series are the series of the module that a scrape has found: values by name and
// labels.
type Series map[string]float64

// Scrape reads the metrics from a registry such as Caddy makes for each configuration.
func Scrape() (Series, error) {
	registry := prometheus.NewPedanticRegistry()
	if err := metrics.Register(registry); err != nil {
		return nil, err
	}
	w := httptest.NewRecorder()
	promhttp.HandlerFor(registry, promhttp.HandlerOpts{}).ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	if w.Code != http.StatusOK {
		return nil, fmt.Errorf("status %d: %s", w.Code, w.Body)
	}
	return parseSeries(w.Body)
}

// MustScrape is Scrape in a test that ends if it fails.
func MustScrape(tb testing.TB) Series {
	tb.Helper()
	found, err := Scrape()
	if err != nil {
		tb.Fatal(err)
	}
	return found
}

func parseSeries(text io.Reader) (Series, error) {
	found := make(Series)
	for scanner := bufio.NewScanner(text); scanner.Scan(); {
		name, value, ok := strings.Cut(scanner.Text(), " ")
		if !ok || !strings.HasPrefix(name, "caddy_tim_callback_") {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if _, twice := found[name]; err != nil || twice {
			return nil, fmt.Errorf("%s is there a second time, or is not a number: %w", scanner.Text(), err)
		}
		found[name] = n
	}
	return found, nil
}

// Metrics scrapes the admin endpoint.
func (e *Edge) Metrics() Series {
	e.t.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	var found Series
	Eventually(e.t, func() bool { // a reload replaces the endpoint
		resp, err := client.Get("http://" + e.AdminAddress + "/metrics")
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			e.t.Fatalf("/metrics: %s", resp.Status)
		}
		if found, err = parseSeries(resp.Body); err != nil {
			e.t.Fatal(err)
		}
		return true
	}, "no /metrics")
	return found
}
