package interop

import (
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
)

// readAlerts reads the rules in the same way as Prometheus, including their templates.
func readAlerts(t *testing.T) map[string]rulefmt.Rule {
	t.Helper()
	text, err := os.ReadFile("../grafana/alerts.yaml")
	if err != nil {
		t.Fatal(err)
	}
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, promQL, slog.New(slog.DiscardHandler))
	for _, err := range errs {
		t.Error(err)
	}
	if groups == nil {
		t.FailNow()
	}
	rules := make(map[string]rulefmt.Rule)
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			rules[rule.Alert] = rule
		}
	}
	return rules
}

func TestAlerts(t *testing.T) {
	all := exposed(t)
	for name, rule := range readAlerts(t) {
		wantNoMistakes(t, rule.Expr, all)
		if severity := rule.Labels["severity"]; severity != "warning" && severity != "critical" {
			t.Errorf("%s: severity %q", name, severity)
		}
		if rule.For <= 0 || rule.Annotations["summary"] == "" || rule.Annotations["description"] == "" {
			t.Errorf("%s lacks for, summary or description", name)
		}
	}
}

var templateLabels = regexp.MustCompile(`\$labels\.(\w+)`)

// TestWhenAlertsFire has, for each alert, the series of an hour in which it must fire and of an
// hour in which it must not. There are no other series.
func TestWhenAlertsFire(t *testing.T) {
	request := func(result string, perMinute float64) string {
		return fmt.Sprintf(`caddy_tim_callback_requests_total{result=%q,instance="a"} 0+%gx60`, result, perMinute)
	}
	answers := func(fast, all float64) []string {
		return []string{
			fmt.Sprintf(`caddy_tim_callback_answer_seconds_bucket{le="1.8",instance="a"} 0+%gx60`, fast),
			fmt.Sprintf(`caddy_tim_callback_answer_seconds_count{instance="a"} 0+%gx60`, all),
		}
	}
	oldest := func(seconds float64) []string {
		return []string{fmt.Sprintf(`caddy_tim_callback_queue_oldest_seconds{queue="q",instance="a"} %gx60`, seconds)}
	}
	dead := func(n float64) []string {
		return []string{fmt.Sprintf(`caddy_tim_callback_queue_events{state="dead",queue="q",instance="a"} %gx60`, n), `caddy_tim_callback_queue_events{state="waiting",queue="q",instance="a"} 9x60`}
	}
	given := func(perMinute float64) []string {
		return []string{fmt.Sprintf(`caddy_tim_callback_deliveries_total{result="dead",queue="q",instance="a"} 0+%gx60`, perMinute), `caddy_tim_callback_deliveries_total{result="retried",queue="q",instance="a"} 0+9x60`}
	}
	spooled := func(n float64) []string {
		return []string{fmt.Sprintf(`caddy_tim_callback_queue_spooled_events{queue="q",instance="a"} %gx60`, n), `caddy_tim_callback_queue_spooled_events{queue="other",instance="a"} 0x60`}
	}
	up := func(n float64) []string {
		return []string{fmt.Sprintf(`caddy_tim_callback_queue_store_up{queue="q",instance="a"} %gx60`, n), `caddy_tim_callback_queue_store_up{queue="q",instance="b"} 1x60`}
	}
	partitions := func(first, second float64) []string {
		const format = `caddy_tim_callback_queue_partitions{queue="q",job="j",instance=%q} %gx60`
		return []string{fmt.Sprintf(format, "a", first), fmt.Sprintf(format, "b", second), `caddy_tim_callback_queue_partitions{queue="other",job="j",instance="a"} 64x60`}
	}
	ofAll := map[string]bool{"TimCallbackPartitionsNotHeld": true} // these are not about one instance
	rules := readAlerts(t)
	tested := make(map[string]bool)
	for _, tc := range []struct {
		alert        string
		fires, quiet []string
	}{
		{"TimCallbackNotStored", []string{request("queue_error", 1)}, []string{request("queue_error", 0), request("upstream_error", 9)}},
		{"TimCallbackAnswersFailing", []string{request("ok", 90), request("upstream_timeout", 1), request("stale", 1000)}, []string{request("ok", 1000), request("upstream_error", 1)}},
		{"TimCallbackAnswersFailing", []string{request("ok", 0), request("upstream_error", 1)}, []string{request("ok", 0), request("upstream_error", 0)}},
		{"TimCallbackAnswersSlow", answers(90, 100), answers(1000, 1001)},
		{"TimCallbackAnswersSlow", answers(0, 1), answers(0, 0)},
		{"TimCallbackRefusalsSurging", []string{request("ok", 20), request("bad_sign", 10)}, []string{request("ok", 1000), request("bad_sign", 10)}},
		{"TimCallbackRefusalsSurging", []string{request("method", 4), request("stale", 4)}, []string{request("plain_http", 5)}},
		{"TimCallbackEventsLate", oldest(901), oldest(60)},
		{"TimCallbackEventsVeryLate", oldest(90000), oldest(901)},
		{"TimCallbackDeadLetters", dead(1), dead(0)},
		{"TimCallbackDeadLettersGrowing", given(1), given(0)},
		{"TimCallbackSpooled", spooled(1), spooled(0)},
		{"TimCallbackStoreDown", up(0), up(1)},
		{"TimCallbackPartitionsNotHeld", partitions(31, 32), partitions(31, 33)},
		{"TimCallbackPartitionsNotHeld", partitions(0, 0), partitions(64, 0)},
	} {
		tested[tc.alert] = true
		rule, ok := rules[tc.alert]
		if !ok {
			t.Errorf("no alert %s", tc.alert)
			continue
		}
		fired := evaluated(t, tc.fires, rule.Expr)
		if len(fired) != 1 || fired[0].Metric.Get("instance") != "a" && !ofAll[tc.alert] {
			t.Fatalf("%s with %v: %v", tc.alert, tc.fires, fired)
		}
		for _, m := range templateLabels.FindAllStringSubmatch(rule.Annotations["summary"]+rule.Annotations["description"], -1) {
			if fired[0].Metric.Get(m[1]) == "" {
				t.Errorf("%s mentions its label %s, which it does not have: %s", tc.alert, m[1], fired[0].Metric)
			}
		}
		if fired := evaluated(t, tc.quiet, rule.Expr); len(fired) != 0 {
			t.Errorf("%s with %v: %v", tc.alert, tc.quiet, fired)
		}
	}
	for name := range rules {
		if !tested[name] {
			t.Errorf("%s is not tested", name)
		}
	}
}
