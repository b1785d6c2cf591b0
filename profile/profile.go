// Package profile is the protocol of Tencent Cloud Chat (IM) callbacks, first of
// all of Profile.CallbackPortraitSet ("a user's profile was changed").
//
// It is pure: values and time go in, values and typed errors come out. The Caddy
// module is built on it, and a Go backend can use it on its own, either to read
// what the module sent (json.Unmarshal into an [Event]), or to take callbacks
// directly from Tencent ([ParseQuery], [Verifier.Verify], [Decode]).
//
// Facts are from Tencent's documents "Webhook Overview" and "After Setting Profile"
// (https://www.tencentcloud.com/document/product/1047/34354 and .../45394).
package profile

// Command is the callback command that this package decodes.
const Command = "Profile.CallbackPortraitSet"
