// Package interop tests the module against other people's libraries: a real Caddy
// forwards callbacks over TLS, and the backend reads them with the official SDKs of
// CloudEvents and Standard Webhooks and validates them with a JSON Schema validator.
// A second site is operated: an OpenTelemetry collector gets its traces, and
// Prometheus' own parser and engine read its metrics, the dashboard and the alerts.
//
// It is a Go module of its own so that users of the module inherit none of them.
package interop
