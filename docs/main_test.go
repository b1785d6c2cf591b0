package docs

import (
	"testing"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/d13c7061/caddy-tim-callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

func TestMain(m *testing.M) { caddytest.Main(m) }
