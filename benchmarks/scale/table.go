package main

import (
	"fmt"
	"strings"
)

// flat is how much more than the cheapest point of its direction a message may cost.
const flat = 1.25

// table is a direction as Markdown. What is not flat says so.
func table(d direction, points []point) string {
	cheapest := points[0].cpu
	for _, p := range points {
		if p.cpu > 0 {
			cheapest = min(cheapest, p.cpu)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "### %s\n\n| | CPU a message | to the cheapest | waits a message | rate | memory |\n|---|---|---|---|---|---|\n", d.name)
	for i, p := range points {
		mark := ""
		if p.cpu > flat*cheapest {
			mark = " **not flat**"
		}
		fmt.Fprintf(&b, "| %d | %.2f µs | %.2f%s | %.3f | %.0f/s | %.0f MiB |\n", d.values[i], p.cpu, p.cpu/max(cheapest, 1e-9), mark, p.switches, p.rate, p.peakMiB)
	}
	return b.String()
}
