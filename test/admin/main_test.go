// Package admin holds the black-box tests of what warrenctl does to a broker's definitions and journal.
package admin

import (
	"os"
	"testing"

	"warren/test/broker"
)

func TestMain(m *testing.M) { os.Exit(broker.Main(m)) }
