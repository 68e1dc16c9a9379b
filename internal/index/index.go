// Package index finds records by a name that they have themselves. A map would hold the name and the pointer again for each, 24 bytes and as
// much as half of that for what is free; an index holds the pointer alone.
package index

import (
	"hash/maphash"
	"iter"
	"math/bits"
	"sync/atomic"
)

// Index is a set of records by name. One goroutine at a time writes, any number of them read meanwhile, without a lock. A record's name does
// not change while it is in.
type Index[T any] struct {
	name  func(*T) string
	table atomic.Pointer[table[T]] // nil before the first record
	n     int                      // records; the writer's
	used  int                      // places that are not empty; the writer's
}

// table is where the records are: each at the place that the hash of its name says, or the next one behind it that was free.
type table[T any] struct {
	places []atomic.Pointer[T]
	grave  *T // lies where a record was that others may have passed by
}

// leastPlaces is how small a table may be. One of which three quarters are used, or seven eighths are empty, is made anew with half of its places
// empty: a search is quick as long as it finds one of those soon.
const leastPlaces = 8

var seed = maphash.MakeSeed()

// New returns an index of records with these names.
func New[T any](name func(*T) string) *Index[T] { return &Index[T]{name: name} }

// home is where the search for a name begins.
func (t *table[T]) home(name string) int {
	i, _ := bits.Mul64(maphash.String(seed, name), uint64(len(t.places)))
	return int(i)
}

func (t *table[T]) next(i int) int {
	if i++; i < len(t.places) {
		return i
	}
	return 0
}

// Get returns the record of that name, or nil.
func (x *Index[T]) Get(name string) *T {
	t := x.table.Load()
	if t == nil {
		return nil
	}
	for i := t.home(name); ; i = t.next(i) {
		switch r := t.places[i].Load(); {
		case r == nil:
			return nil
		case r != t.grave && x.name(r) == name:
			return r
		}
	}
}

// Len is the number of records. It is the writer's to ask.
func (x *Index[T]) Len() int { return x.n }

// All are the records in no order. What comes or goes meanwhile may be among them or not.
func (x *Index[T]) All() iter.Seq[*T] {
	return func(yield func(*T) bool) {
		t := x.table.Load()
		if t == nil {
			return
		}
		for i := range t.places {
			if r := t.places[i].Load(); r != nil && r != t.grave && !yield(r) {
				return
			}
		}
	}
}

// Put adds a record, in place of the one of the same name if there is one.
func (x *Index[T]) Put(r *T) {
	t := x.table.Load()
	if t == nil || 4*(x.used+1) > 3*len(t.places) {
		t = x.fill(x)
	}
	name, free := x.name(r), -1
	for i := t.home(name); ; i = t.next(i) {
		switch is := t.places[i].Load(); {
		case is == nil:
			if x.n++; free < 0 {
				free = i
				x.used++
			}
			t.places[free].Store(r)
			return
		case is == t.grave:
			if free < 0 {
				free = i
			}
		case x.name(is) == name:
			t.places[i].Store(r)
			return
		}
	}
}

// Delete takes out the record of that name.
func (x *Index[T]) Delete(name string) {
	t := x.table.Load()
	if t == nil {
		return
	}
	i := t.home(name)
	for ; ; i = t.next(i) {
		r := t.places[i].Load()
		if r == nil {
			return
		}
		if r != t.grave && x.name(r) == name {
			break
		}
	}
	t.places[i].Store(t.grave)
	if x.n--; len(t.places) > leastPlaces && 8*x.n < len(t.places) {
		x.fill(x)
		return
	}
	if t.places[t.next(i)].Load() != nil {
		return
	}
	for ; t.places[i].Load() == t.grave; i = (i + len(t.places) - 1) % len(t.places) { // nobody goes on from here
		t.places[i].Store(nil)
		x.used--
	}
}

// Clone returns an index of the same records.
func (x *Index[T]) Clone() *Index[T] {
	c := New(x.name)
	if x.n > 0 {
		c.fill(x)
	}
	return c
}

// fill begins anew with the records of another index, or with its own, in a table of the size that fits.
func (x *Index[T]) fill(from *Index[T]) *table[T] {
	t := &table[T]{places: make([]atomic.Pointer[T], max(leastPlaces, 2*from.n)), grave: new(T)}
	for r := range from.All() {
		i := t.home(x.name(r))
		for t.places[i].Load() != nil {
			i = t.next(i)
		}
		t.places[i].Store(r)
	}
	x.n, x.used = from.n, from.n
	x.table.Store(t)
	return t
}
