// Command caddy is Caddy with all its standard modules and tim_callback, for
// `go run`. Elsewhere, build one with xcaddy.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/d13c7061/caddy-tim-callback"
)

func main() {
	caddycmd.Main()
}
