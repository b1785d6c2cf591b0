// Package callback implements the protocol that all callbacks of Tencent Cloud Chat (IM)
// have in common: the query of a callback and its Sign, the answer that Tencent expects,
// and the reasons for refusing a request. It also implements the form in which a backend
// receives a callback: a CloudEvents event that may be signed according to Standard
// Webhooks.
//
// The package does no input or output and reads no clock, except where [Request.Time]
// says so. A Go backend can use it without Caddy, together with package profile, which
// reads the body of one callback command.
//
// The protocol is described in "Webhook Overview" in Tencent's documents
// (https://www.tencentcloud.com/document/product/1047/34354).
package callback
