// Package budget counts what a message costs in allocations, from socket to socket through a broker in this process. Time depends on
// the machine and stays in benchmarks/; a count does not, so these bounds can fail a change and never a busy machine.
package budget
