package main

import (
	"fmt"
	"strconv"
	"strings"
)

// direction is a number that grows while everything else stays as it is.
type direction struct {
	name, file string
	values     []int
	before     func(n int) [][]string // loads that prepare it, not measured
	args       func(n, seconds int) []string
}

// load is a command line with numbers in it; the length of the run goes last.
func load(seconds int, format string, values ...any) []string {
	return append(strings.Fields(fmt.Sprintf(format, values...)), "-z", strconv.Itoa(seconds))
}

var directions = []direction{
	{
		name: "connections and queues, one publisher and one consumer each, 128 B at 100 000/s in all", file: "connections", values: []int{1, 4, 16, 64},
		args: func(n, seconds int) []string {
			return load(seconds, "-a -s 128 -x %d -y %d -r %d --queue-pattern perf-%%05d --queue-pattern-to %d", n, n, 100_000/n, n)
		},
	},
	{
		name: "connections and queues, 128 B as fast as it goes", file: "flood", values: []int{1, 4, 16, 64},
		args: func(n, seconds int) []string {
			return load(seconds, "-a -s 128 -x %d -y %d --queue-pattern perf-%%05d --queue-pattern-to %d", n, n, n)
		},
	},
	{
		name: "queues in turn, 128 B at 50 000/s in all, 2 publishers, 2 consumers", file: "queues", values: []int{1, 10, 100, 1000, 10_000},
		args: func(n, seconds int) []string {
			return load(seconds, "-a -s 128 -x 2 -y 2 -r 25000 --spread --queue-pattern perf-%%05d --queue-pattern-to %d", n)
		},
	},
	{
		name: "fan-out, 128 B, 100 000 deliveries/s in all, for each delivery", file: "fanout", values: []int{1, 10, 100, 1000},
		args: func(n, seconds int) []string {
			return load(seconds, "-a -s 128 -r %d -e perf-fanout -t fanout --spread --queue-pattern perf-%%05d --queue-pattern-to %d", 100_000/n, n)
		},
	},
	{
		name: "prefetch, 128 B, acked one by one", file: "prefetch", values: []int{1, 10, 100, 1000, 10_000},
		args: func(n, seconds int) []string { return load(seconds, "-s 128 -q %d", n) },
	},
	{
		name: "depth: published to a queue that holds so many, 128 B", file: "depth-publish", values: depths, before: fill,
		args: func(_, seconds int) []string { return []string{"-s", "128", "-y", "0", "-C", "500000"} },
	},
	{
		name: "depth: consumed from a queue that holds so many more, 128 B, acked by hundreds", file: "depth-consume", values: depths,
		before: func(n int) [][]string { return fill(n + consumed) },
		args: func(_, _ int) []string {
			return []string{"-s", "128", "-x", "0", "-q", "1000", "-A", "100", "-D", strconv.Itoa(consumed), "--keep"}
		},
	},
}

// consumed is how much of a queue is consumed where its depth is what counts.
const consumed = 500_000

var depths = []int{0, 1000, 10_000, 100_000, 1_000_000}

func fill(n int) [][]string {
	if n == 0 {
		return nil
	}
	return [][]string{{"-s", "128", "-y", "0", "-C", strconv.Itoa(n), "-c", "10000", "--keep"}}
}
