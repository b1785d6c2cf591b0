// Package faulttest has tests in which things go wrong. They run the real server as a separate
// process, with a queue and under load. They kill it, reload it, fill its disk, damage its queue file
// and make its backend misbehave.
//
// Whatever happens, they check this:
//
//   - In the end the backend has taken every callback that was answered OK.
//   - The events of a user arrive in order: after an attempt to deliver one of them, there is no
//     attempt to deliver one that was sent earlier.
//   - An event that the backend has taken is sent again only if the server crashed in between, or if
//     the backend answered too late. It then has the same ce-id.
//   - In the end the queue is empty, and has no dead letters.
//
// A test cannot cut the power. Instead it records the system calls of a real server. From the record
// it makes the queue file as a disk may have it after a power cut at any moment. Every event that was
// answered OK before that moment, and not delivered, must be in the file.
//
// These commands run more rounds, repeat the rounds of a failure with its seed, and run more power
// cuts:
//
//	go test ./faulttest -run Kill -rounds 500 -seed 1
//	go test ./faulttest -run PowerCut -cuts 20000
package faulttest
