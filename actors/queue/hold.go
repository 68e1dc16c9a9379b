package queue

import "strings"

// holding begins the name of the queue that an exchange of type x-delayed-message has for what it is to route later (contract X-11).
// No client can declare, see or use it.
const holding = "amq.rabbitmq.delayed."

// HoldFor is the name of that queue.
func HoldFor(exchange string) string { return holding + exchange }

// Holds returns the exchange that a queue of this name holds messages back for.
func Holds(name string) (exchange string, holds bool) { return strings.CutPrefix(name, holding) }
