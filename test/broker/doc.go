// Package broker runs the warren binary for the black-box tests: it builds it once per test process, starts it on a free port with
// a data directory of its own, reads its address from its log, and ends it.
//
// WARREN_TEST_ADDR=host:port points the tests at another broker (RabbitMQ, to learn whether a test asks for what RabbitMQ does);
// tests that need the process itself are skipped then.
package broker
