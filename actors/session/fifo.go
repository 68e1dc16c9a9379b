package session

import "slices"

// fifo is a list that is appended to behind and taken from in front, in the same memory as long as it is short.
type fifo[T any] struct {
	list []T
	head int // of what is still there
}

func (f *fifo[T]) len() int   { return len(f.list) - f.head }
func (f *fifo[T]) at(i int) T { return f.list[f.head+i] }

// all is what is there, in order, until the next change.
func (f *fifo[T]) all() []T { return f.list[f.head:] }

func (f *fifo[T]) push(v T) {
	if f.head > 0 && len(f.list) == cap(f.list) && f.head >= len(f.list)/2 {
		f.list = slices.Delete(f.list, 0, f.head) // at most one move for each that was taken
		f.head = 0
	}
	f.list = append(f.list, v)
}

func (f *fifo[T]) insert(i int, v T) {
	if i == f.len() {
		f.push(v)
		return
	}
	f.list = slices.Insert(f.list, f.head+i, v)
}

// pop takes the first.
func (f *fifo[T]) pop() T {
	var zero T
	v := f.list[f.head]
	f.list[f.head] = zero
	if f.head++; f.head == len(f.list) {
		f.reset()
	}
	return v
}

// fifoKept is how much memory an empty one keeps, in elements.
const fifoKept = 1024

func (f *fifo[T]) reset() {
	f.head = 0
	if f.list = f.list[:0]; cap(f.list) > fifoKept {
		f.list = nil
	}
}
