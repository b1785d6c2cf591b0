// Package interop tests the module against other people's libraries: a real Caddy
// forwards callbacks over TLS, and the backend reads them with the official SDKs of
// CloudEvents and Standard Webhooks and validates them with a JSON Schema validator.
//
// It is a Go module of its own so that users of the module inherit none of them.
package interop
