package main

import "strconv"

// load is a row of DESIGN section 8: the same for every broker.
type load struct {
	name, file string
	args       []string // of warren-perf
	bytes      int      // of a body
	paced      bool     // what counts is the latency, not the rate
}

var loads = []load{
	{name: "16 B, transient, no ack", file: "16B", bytes: 16, args: []string{"-a"}},
	{name: "1 KiB, transient, no ack", file: "1KiB", bytes: 1024, args: []string{"-a"}},
	{name: "10 KiB, transient, no ack", file: "10KiB", bytes: 10 << 10, args: []string{"-a"}},
	{name: "100 KiB, transient, no ack", file: "100KiB", bytes: 100 << 10, args: []string{"-a"}},
	{name: "128 B, topic exchange, 2 publishers, 2 consumers", file: "topic", bytes: 128,
		args: []string{"-a", "-x", "2", "-y", "2", "-e", "perf-topic", "-t", "topic", "-k", "a.b.c"}},
	{name: "1 KiB, transient, confirm window 2 000, acks of 100", file: "confirm", bytes: 1024, args: []string{"-c", "2000", "-A", "100", "-q", "1000"}},
	{name: "1 KiB, persistent, confirm window 2 000, acks of 100", file: "persistent", bytes: 1024,
		args: []string{"-c", "2000", "-A", "100", "-q", "1000", "-f", "persistent"}},
	{name: "1 KiB at 5 000/s, transient, no ack", file: "paced", bytes: 1024, paced: true, args: []string{"-a", "-r", "5000"}},
	{name: "1 KiB at 5 000/s, persistent, confirmed, acked one by one", file: "paced-persistent", bytes: 1024, paced: true,
		args: []string{"-r", "5000", "-c", "100", "-q", "100", "-f", "persistent"}},
}

// of is the command line of a run so many seconds long.
func (l load) of(seconds string) []string {
	return append([]string{"-s", strconv.Itoa(l.bytes), "-z", seconds}, l.args...)
}
