package nodes

import (
	"os"
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/d13c7061/caddy-tim-callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

func TestMain(m *testing.M) { caddytest.Main(m) }

const longVariable = "TIM_CALLBACK_LONG"

func isLong() bool { return os.Getenv(longVariable) != "" }

// needLong skips a test that takes long, unless such tests are wanted.
func needLong(t *testing.T) {
	t.Helper()
	if !isLong() {
		t.Skipf("NOT TESTED: it takes long; set %s to run it", longVariable)
	}
}
