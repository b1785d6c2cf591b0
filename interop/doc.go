// Package interop tests the module with libraries of other projects. A real Caddy forwards
// callbacks over TLS. The backend reads them with the official SDKs of CloudEvents and Standard
// Webhooks, and validates them with a JSON Schema validator. An OpenTelemetry collector receives
// the traces of a second site, and Prometheus' own parser and engine read its metrics, the
// dashboard and the alerts.
//
// The package is a separate Go module, so that users of the module do not depend on these
// libraries.
package interop
