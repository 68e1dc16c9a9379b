package main

import (
	"slices"
	"testing"
	"time"

	"github.com/spf13/pflag"
)

func TestParseURI(t *testing.T) {
	for text, want := range map[string]endpoint{
		"amqp://":                          {"127.0.0.1:5672", "guest", "guest", "/"},
		"amqp://127.0.0.1:5673":            {"127.0.0.1:5673", "guest", "guest", "/"},
		"amqp://u:p%20w@[::1]:1/%2F":       {"[::1]:1", "u", "p w", "/"},
		"amqp://u@localhost/orders":        {"localhost:5672", "u", "guest", "orders"},
		"amqp://guest:guest@localhost:99/": {"localhost:99", "guest", "guest", ""},
	} {
		if got, err := parseURI(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	if _, err := parseURI("http://localhost"); err == nil {
		t.Error("http was taken")
	}
}

// PerfTest's -z counts in seconds; Go's durations are taken as well.
func TestTimeIsSecondsOrADuration(t *testing.T) {
	for _, args := range [][]string{{"-z", "3"}, {"-z3"}, {"--time=3"}, {"--time", "3s"}, {"-z", "3000ms"}} {
		var o options
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		o.register(f)
		if err := f.Parse(secondsAsDurations(args)); err != nil || o.duration != 3*time.Second {
			t.Errorf("%v: %v, %v", args, o.duration, err)
		}
	}
}

func TestOptionsRefuse(t *testing.T) {
	for _, args := range [][]string{
		{"-x", "0", "-y", "0"}, {"-x", "0"}, {"-f", "durable"}, {"-A", "10", "-q", "5"}, {"-q", "70000"}, {"--queue-args", "x"},
		{"--queue-pattern", "q-%d", "--queue-pattern-from", "2"},
		{"--check-order", "-y", "0"}, {"--check-order", "-y", "2"}, {"--check-order", "-s", "15"}, {"--check-order", "-e", "x", "-t", "x-random"},
		{"--check-order", "-x", "4097"}, {"--check-order", "-e", "x", "-k", "a", "--spread", "--queue-pattern", "q-%d"},
	} {
		var o options
		f := pflag.NewFlagSet("", pflag.ContinueOnError)
		o.register(f)
		if err := f.Parse(args); err != nil {
			t.Fatal(err)
		}
		if o.validate() == nil {
			t.Errorf("%v was taken", args)
		}
	}
}

func TestTopologyNamesItsQueues(t *testing.T) {
	top := newTopology(&options{queuePattern: "q-%d", queueFrom: 2, queueTo: 4})
	if !slices.Equal(top.queues, []string{"q-2", "q-3", "q-4"}) || top.publishKey(4) != "q-3" {
		t.Fatalf("%v, producer 4 publishes to %s", top.queues, top.publishKey(4))
	}
}
