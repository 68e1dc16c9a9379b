// Package durable ends the broker in every way a broker can end, under load, and compares what is there after the next start with
// what clients were promised: confirms, acknowledgements, declare-oks.
package durable

import (
	"os"
	"testing"

	"warren/test/broker"
)

func TestMain(m *testing.M) { os.Exit(broker.Main(m)) }
