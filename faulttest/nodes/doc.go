// Package nodes has tests of several Caddys that share a queue in PostgreSQL. Primaries, standbys and
// Caddys are real processes, which the tests kill, pause, cut off and restart under load.
//
// Users send numbered callbacks, one after another, to changing nodes. Whatever happens, this is checked:
//
//   - In the end every callback that was answered OK was delivered, or is a dead letter.
//   - The first deliveries of each user are in the order of the callbacks. While a node keeps events on its
//     own disk this holds only among the callbacks that were sent to the same node.
//   - An answer that is not OK is a valid one.
//
// Tests that take long run only if the environment variable TIM_CALLBACK_LONG is set. With TIM_CALLBACK_BACKLOG
// the backlog of TestBacklog gets another length:
//
//	TIM_CALLBACK_LONG=1 go test ./faulttest/nodes
//	TIM_CALLBACK_LONG=1 TIM_CALLBACK_BACKLOG=1000000 go test ./faulttest/nodes -run Backlog
package nodes
