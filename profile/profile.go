// Package profile reads the callback Profile.CallbackPortraitSet of Tencent Cloud
// Chat ("a user's profile was changed") and normalizes it into one clean event.
//
// The package does no input or output. The Caddy module uses it, and a Go backend can use
// it without Caddy: either to read the events that the module sends (json.Unmarshal into
// an [Event]), or to receive callbacks directly from Tencent ([callback.ParseQuery],
// [callback.Verifier.Verify], [Decode]).
//
// The callback is described in "After Setting Profile" in Tencent's documents
// (https://www.tencentcloud.com/document/product/1047/45394).
package profile

// Command is the callback command that this package decodes.
const Command = "Profile.CallbackPortraitSet"
