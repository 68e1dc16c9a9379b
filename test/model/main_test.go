// Package model compares the broker with a naive model of AMQP, step by step, under programs made at random.
//
// step_test.go makes programs, world_test.go is the model, client_test.go the frames, run_test.go compares, shrink_test.go makes a
// difference small. With WARREN_TEST_ADDR another broker is compared with the model instead.
package model

import (
	"os"
	"testing"

	"warren/test/broker"
)

func TestMain(m *testing.M) { os.Exit(broker.Main(m)) }
