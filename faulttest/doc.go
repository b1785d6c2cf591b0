// Package faulttest holds the tests in which things go wrong: they run the real
// server as a process of its own, with a queue, under load, and kill it, reload
// it, fill its disk, damage its file and have its backend misbehave.
//
// What they hold it to, whatever happens:
//
//   - A callback that was answered OK was taken by the backend in the end.
//   - The attempts to deliver a user's events never go back to an older one: once
//     one has reached the backend, none that was sent before it does any more.
//   - What the backend has taken is sent to it again only after a crash in between,
//     or where it did not say so in time, and then with the same ce-id.
//   - Nothing is left in the queue, and nothing became a dead letter.
//
// Run more rounds, or those of a failure again, with
//
//	go test ./faulttest -run Kill -rounds 500 -seed 1
package faulttest
