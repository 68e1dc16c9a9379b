package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"
)

// options has PerfTest's names where PerfTest has the thing.
type options struct {
	uri                  string
	producers, consumers int
	queue                string
	queuePattern         string
	queueFrom, queueTo   int
	spread               bool
	exchange, kind, key  string
	bodyBytes            int
	confirm              int
	autoAck              bool
	multiAckEvery        int
	qos                  int
	rate                 float64
	flags                []string
	duration             time.Duration
	messages             int64
	received             int64
	autoDelete           bool
	keep                 bool
	checkOrder           bool
	queueArgs            []string
	arguments            fieldTable
	writeBytes           int
	pid                  int
	json                 bool
	report               string
	quiet                bool
}

func (o *options) register(f *pflag.FlagSet) {
	f.StringVar(&o.uri, "uri", "amqp://guest:guest@127.0.0.1:5672", "the broker")
	f.IntVarP(&o.producers, "producers", "x", 1, "producers, one connection each")
	f.IntVarP(&o.consumers, "consumers", "y", 1, "consumers, one connection each")
	f.StringVarP(&o.queue, "queue", "u", "warren-perf", "queue")
	f.StringVar(&o.queuePattern, "queue-pattern", "", "several queues, e.g. perf-%d; producers and consumers take them in turn")
	f.IntVar(&o.queueFrom, "queue-pattern-from", 1, "first number of the pattern")
	f.IntVar(&o.queueTo, "queue-pattern-to", 1, "last number of the pattern")
	f.BoolVar(&o.spread, "spread", false, "each producer publishes to all queues in turn, and consumers share all queues; the pattern's names are of one length, e.g. perf-%05d")
	f.StringVarP(&o.exchange, "exchange", "e", "", "exchange; empty: the default exchange")
	f.StringVarP(&o.kind, "type", "t", "direct", "exchange type")
	f.StringVarP(&o.key, "routing-key", "k", "", "routing and binding key; empty: the queue's name")
	f.IntVarP(&o.bodyBytes, "size", "s", 16, "body size in bytes; latency needs at least 8")
	f.IntVarP(&o.confirm, "confirm", "c", 0, "publisher confirms with at most this many outstanding")
	f.BoolVarP(&o.autoAck, "autoack", "a", false, "consume without acks")
	f.IntVarP(&o.multiAckEvery, "multi-ack-every", "A", 0, "ack every n-th delivery, multiple; 0: each by itself")
	f.IntVarP(&o.qos, "qos", "q", 0, "prefetch")
	f.Float64VarP(&o.rate, "rate", "r", 0, "messages per second and producer; 0: as fast as possible")
	f.StringSliceVarP(&o.flags, "flag", "f", nil, "persistent, mandatory")
	f.DurationVarP(&o.duration, "time", "z", 0, "how long to publish; a bare number is seconds")
	f.Int64VarP(&o.messages, "pmessages", "C", 0, "messages per producer")
	f.Int64VarP(&o.received, "cmessages", "D", 0, "end once this many are consumed in all")
	f.BoolVar(&o.autoDelete, "auto-delete", false, "declare the queues auto-delete")
	f.BoolVar(&o.keep, "keep", false, "leave the queues when done")
	f.BoolVar(&o.checkOrder, "check-order", false, "check that each producer's messages, of this run or of one before, come in order, none left out or twice; fail otherwise")
	f.StringSliceVar(&o.queueArgs, "queue-args", nil, "x-arguments of the queues, key=value")
	f.IntVar(&o.writeBytes, "write-bytes", 64<<10, "bytes of publishes in one write(2)")
	f.IntVar(&o.pid, "pid", 0, "the broker's process: sample its CPU and memory")
	f.BoolVar(&o.json, "json", false, "print the summary as JSON")
	f.StringVar(&o.report, "report", "", "write a page with plots to this `FILE`: HTML that needs nothing else")
	f.BoolVar(&o.quiet, "quiet", false, "no line a second")
}

func (o *options) has(flag string) bool { return slices.Contains(o.flags, flag) }

func (o *options) validate() error {
	for _, flag := range o.flags {
		if flag != "persistent" && flag != "mandatory" {
			return fmt.Errorf("--flag: %q is neither persistent nor mandatory", flag)
		}
	}
	if o.producers < 0 || o.consumers < 0 || o.producers+o.consumers == 0 {
		return errors.New("nobody to run: --producers and --consumers")
	}
	if o.bodyBytes < 0 || o.writeBytes < 1 || o.confirm < 0 || o.multiAckEvery < 0 || o.qos < 0 || o.qos > 65535 || o.rate < 0 {
		return errors.New("a size, window, rate or prefetch is out of its range")
	}
	if o.producers == 0 && o.duration == 0 && o.received == 0 {
		return errors.New("consumers alone need --time or --cmessages to end")
	}
	if o.duration == 0 && o.messages == 0 && o.received == 0 {
		o.duration = 10 * time.Second
	}
	if o.queuePattern != "" && o.queueTo < o.queueFrom {
		return errors.New("--queue-pattern-to is below --queue-pattern-from")
	}
	if o.spread && o.queuePattern == "" {
		return errors.New("--spread needs a --queue-pattern")
	}
	if o.spread && len(fmt.Sprintf(o.queuePattern, o.queueFrom)) != len(fmt.Sprintf(o.queuePattern, o.queueTo)) {
		return fmt.Errorf("--spread: the names of --queue-pattern %q are not of one length: use %%05d", o.queuePattern)
	}
	if o.qos > 0 && o.multiAckEvery > o.qos {
		return fmt.Errorf("--multi-ack-every %d never comes with a prefetch of %d", o.multiAckEvery, o.qos)
	}
	if o.checkOrder {
		if err := o.checkable(); err != nil {
			return fmt.Errorf("--check-order: %w", err)
		}
	}
	o.arguments = fieldTable{}
	for _, pair := range o.queueArgs {
		key, value, found := strings.Cut(pair, "=")
		if !found {
			return fmt.Errorf("--queue-args: %q is not key=value", pair)
		}
		o.arguments[key] = argument(value)
	}
	return nil
}

// checkable says why the order of this load could not be checked. What a run publishes has its numbers whether they are checked or not.
func (o *options) checkable() error {
	queues := 1
	if o.queuePattern != "" {
		queues = o.queueTo - o.queueFrom + 1
	}
	switch {
	case o.consumers == 0:
		return errors.New("there is no consumer")
	case o.consumers > queues:
		return fmt.Errorf("%d consumers share %d queues: what several take of one has no order", o.consumers, queues)
	case o.producers > 0 && o.bodyBytes < markedBytes:
		return fmt.Errorf("a body of %d bytes has no room for a number: use --size %d", o.bodyBytes, markedBytes)
	case o.producers > maxProducers:
		return fmt.Errorf("more than %d producers", maxProducers)
	case o.exchange != "" && !slices.Contains([]string{"direct", "topic", "fanout", "headers"}, o.kind):
		return fmt.Errorf("which messages an exchange of type %q leaves out is not known", o.kind)
	case o.spread && o.exchange != "" && o.key != "" && o.kind != "fanout" && o.kind != "headers":
		return errors.New("--spread publishes with the queues' names, and --routing-key binds with another")
	}
	return nil
}

// argument reads a number, a boolean, or else a string.
func argument(text string) any {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n
	}
	if b, err := strconv.ParseBool(text); err == nil {
		return b
	}
	return text
}

// secondsAsDurations lets -z 10 mean ten seconds, as PerfTest reads it.
func secondsAsDurations(args []string) []string {
	out := slices.Clone(args)
	for i, arg := range out {
		for _, name := range []string{"-z", "--time"} {
			if arg == name && i+1 < len(out) && bareNumber(out[i+1]) {
				out[i+1] += "s"
			}
			if value, found := strings.CutPrefix(arg, name+"="); found && bareNumber(value) {
				out[i] += "s"
			}
		}
		if value, found := strings.CutPrefix(arg, "-z"); found && bareNumber(value) {
			out[i] += "s"
		}
	}
	return out
}

func bareNumber(s string) bool {
	_, err := strconv.ParseFloat(s, 64)
	return err == nil
}
