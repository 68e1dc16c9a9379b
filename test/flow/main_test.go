// Package flow holds the black-box tests of a message's way through the broker: what RabbitMQ's clients rely on, row by row of the
// contract (a test's name carries the row), and what a broker of this architecture gets wrong first.
package flow

import (
	"os"
	"testing"

	"warren/test/broker"
)

func TestMain(m *testing.M) { os.Exit(broker.Main(m)) }
