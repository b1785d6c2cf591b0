package admin_test

import (
	"strings"
	"testing"
)

// TestMask masks values of events and of dead letters, and holds answers back that may quote them.
func TestMask(t *testing.T) {
	r := startRefusingWith(t, "tim_callback {\nmask profile.*\nmask custom.Data\n}", "")
	r.send(1, "id1")
	_, events := ask(t, r.port, "GET", "/default/events?payload=true", "")
	_, dead := ask(t, r.port, "GET", "/default/dead", "")
	for _, text := range []string{events, dead} {
		for _, want := range []string{`"from_account":"id1"`, `"nick":"***"`, `"Data":"***"`, `"subject":"id1"`} {
			if !strings.Contains(text, want) {
				t.Errorf("there is no %s in %s", want, text)
			}
		}
		for _, secret := range []string{"nick1", "your custom data", "no such user"} {
			if strings.Contains(text, secret) {
				t.Errorf("there is %s in %s", secret, text)
			}
		}
	}
	if e := r.events("payload=true").Events[0]; e.History[4].Error != "404 Not Found" || e.History[4].Answer != "" {
		t.Errorf("%+v", e)
	}

	r.Global = ""
	r.Load(r.site)
	if _, dead := ask(t, r.port, "GET", "/default/dead", ""); !strings.Contains(dead, `"nick":"nick1"`) {
		t.Errorf("the next configuration masks nothing, but there is %s", dead)
	}
}
