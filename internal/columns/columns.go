// Package columns packs numbers that resemble each other: a table of what lies one behind the other, on disk or in a queue, column by
// column. Where the steps from row to row are alike, a column of any length takes a handful of bytes; elsewhere a step takes as few bytes
// as it needs. It is for memory alone: nothing of it is ever on disk.
package columns

import "encoding/binary"

// A column:
//
//	bytes
//	    v  bytes that follow
//	    1  0 = runs, 1 = steps
//	    s  the first value
//	       runs:  for each run of equal steps: v its length, s the step
//	       steps: s for each
//
// v is a varint as protobuf has it, s one with its sign in the lowest bit.
const (
	runs byte = iota
	steps
)

// Append packs a column of at least one value.
func Append(dst []byte, values []int64) []byte {
	inRuns, inSteps := 0, 0
	eachRun(values, func(n int, step int64) {
		inRuns += size(uint64(n)) + size(zigzag(step))
		inSteps += n * size(zigzag(step))
	})
	first := zigzag(values[0])
	dst = binary.AppendUvarint(dst, uint64(1+size(first)+min(inRuns, inSteps)))
	if inRuns <= inSteps {
		dst = binary.AppendUvarint(append(dst, runs), first)
		eachRun(values, func(n int, step int64) {
			dst = binary.AppendUvarint(binary.AppendUvarint(dst, uint64(n)), zigzag(step))
		})
		return dst
	}
	dst = binary.AppendUvarint(append(dst, steps), first)
	for i := 1; i < len(values); i++ {
		dst = binary.AppendUvarint(dst, zigzag(values[i]-values[i-1]))
	}
	return dst
}

// eachRun calls f for the runs of equal steps between values.
func eachRun(values []int64, f func(n int, step int64)) {
	for i := 1; i < len(values); {
		step, n := values[i]-values[i-1], 1
		for i+n < len(values) && values[i+n]-values[i+n-1] == step {
			n++
		}
		f(n, step)
		i += n
	}
}

func zigzag(v int64) uint64 { return uint64(v)<<1 ^ uint64(v>>63) }

func size(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// Column reads one.
type Column struct {
	rest  string
	mode  byte
	begun bool
	left  uint64 // of the run
	step  int64
	value int64
}

// Take takes a column off the front of what Append made.
func Take(b string) (c Column, rest string) {
	n, b := uvarint(b)
	c, rest = Column{rest: b[1:n], mode: b[0]}, b[n:]
	c.value = c.signed()
	return c, rest
}

// Next is the next value. There are as many as were packed, which the caller knows.
func (c *Column) Next() int64 {
	switch {
	case !c.begun:
		c.begun = true
		return c.value
	case c.mode == steps:
		c.step = c.signed()
	case c.left == 0:
		c.left, c.rest = uvarint(c.rest)
		c.step = c.signed()
		c.left--
	default:
		c.left--
	}
	c.value += c.step
	return c.value
}

// TakeAll takes as many columns off the front as there is room for.
func TakeAll(into []Column, b string) (rest string) {
	for i := range into {
		into[i], b = Take(b)
	}
	return b
}

// NextAll is the next row of several columns.
func NextAll(from []Column, into []int64) {
	for i := range from {
		into[i] = from[i].Next()
	}
}

func (c *Column) signed() int64 {
	var v uint64
	v, c.rest = uvarint(c.rest)
	return int64(v>>1) ^ -int64(v&1)
}

// uvarint takes a number off the front; encoding/binary has none for strings.
func uvarint(s string) (v uint64, rest string) {
	for i, shift := 0, 0; ; i, shift = i+1, shift+7 {
		b := s[i]
		v |= uint64(b&0x7f) << shift
		if b < 0x80 {
			return v, s[i+1:]
		}
	}
}
