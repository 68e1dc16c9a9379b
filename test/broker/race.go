//go:build race

package broker

// RaceEnabled: the tests run under the race detector, so the broker does too.
const RaceEnabled = true
