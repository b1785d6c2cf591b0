// Package commandtest holds the tests of `caddy tim-callback …`, with the real
// commands as processes of their own.
package commandtest
