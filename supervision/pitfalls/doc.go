// Package pitfalls holds what is wrong with, or surprising about, Proto.Actor v0.0.0-20240822202345-3c0e61ca19c9: one test
// per fault, which passes while the fault is still there. They use nothing of ours. When an upgrade makes one fail,
// look for what we built around it (supervision/mailbox.go, guard.go, supervisor.go) and whether it can go.
//
// Where a test proves that something never happens it waits for a bounded time (never); everything else polls.
package pitfalls
