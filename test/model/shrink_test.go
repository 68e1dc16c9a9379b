package model

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// tries is how often a program runs before it counts as one that agrees: what differs may need some luck.
const tries = 3

// shrink removes steps as long as what is left still differs.
func shrink(steps []step, limit time.Duration, run func([]step) error) ([]step, error) {
	end := time.Now().Add(limit)
	failure := error(nil)
	for size := len(steps) / 2; size > 0; {
		smaller := false
		for at := 0; at+size <= len(steps) && time.Now().Before(end); {
			without := slices.Delete(slices.Clone(steps), at, at+size)
			err := error(nil)
			for try := 0; try < tries && err == nil; try++ {
				err = run(without)
			}
			if err != nil {
				steps, failure, smaller = without, err, true
			} else {
				at += size
			}
		}
		if !smaller || size > len(steps) {
			size /= 2
		}
	}
	return steps, failure
}

// script is a program to read.
func script(steps []step) string {
	var b strings.Builder
	for i, s := range steps {
		fmt.Fprintf(&b, "%3d  %v\n", i, s)
	}
	return b.String()
}
