package main

import (
	"strings"
	"testing"
)

// What costs more than a quarter above the cheapest is flagged, wherever the cheapest stands.
func TestTableFlagsWhatIsNotFlat(t *testing.T) {
	got := table(direction{name: "x", values: []int{1, 10, 100}}, []point{{cpu: 2.6}, {cpu: 2}, {cpu: 2.4}})
	lines := strings.Split(got, "\n")
	for i, want := range []bool{true, false, false} {
		if line := lines[4+i]; strings.Contains(line, "not flat") != want {
			t.Errorf("%q, want %v", line, want)
		}
	}
}

// The generator takes what the directions ask of it.
func TestArguments(t *testing.T) {
	for _, d := range directions {
		for _, n := range d.values {
			for _, arg := range d.args(n, 3) {
				if strings.Contains(arg, "%!") {
					t.Errorf("%s %d: %q", d.name, n, arg)
				}
			}
		}
	}
}
