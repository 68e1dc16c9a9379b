package ready

import (
	"fmt"
	"testing"

	"warren/protocol"
)

// batch makes messages whose routing keys are their names, and whose bodies have sizes of their own.
func batch(seq uint64, names ...int) []protocol.Message {
	out := make([]protocol.Message, len(names))
	for i, n := range names {
		out[i] = protocol.Message{Seq: seq + uint64(i), RoutingKey: fmt.Sprint(n), Body: make([]byte, n%7), Flags: []protocol.Flags{0, protocol.FlagPersistent}[min(1, n/4%4)]}
	}
	return out
}

func count(from, n int) []int {
	out := make([]int, n)
	for i := range out {
		out[i] = from + i
	}
	return out
}

func filled(sizes ...int) *extents {
	x, next := &extents{}, 0
	for _, n := range sizes {
		x.push(extentOf(next, count(next, n)...))
		next += n
	}
	return x
}

func extentOf(first int, names ...int) extent {
	x, _ := newExtent(uint64(first), &Content{Exchange: "x", Messages: batch(1, names...)})
	return x
}

func nobody(*extent) {}

func noChapter(*Chapter) {}

// listedIn are the extents that are not packed, those that are settled and not yet dropped included.
func listedIn(x *extents) (out []extent) {
	x.eachListed(0, func(e *extent) bool { out = append(out, *e); return true })
	return out
}

// consistent says whether pages are what is counted of them, and chapters what they add up to.
func (x *extents) consistent() error {
	packed, chapters := 0, 0
	for i := range x.pages {
		p := &x.pages[i]
		switch {
		case p.chapter != nil:
			chapters++
			var sum tally
			for _, p := range p.chapter.pages() {
				sum.add(tallyOf(p.packed))
			}
			if sum != p.chapter.tally || p.end != p.chapter.End {
				return fmt.Errorf("a chapter up to %d is %+v, and of its pages %+v", p.end, *p.chapter, sum)
			}
		case p.list == nil:
			packed++
		}
		if p.list == nil {
			var sum tally
			p.each(0, func(e *extent) bool { sum.add(tallyOf(pack([]extent{*e}))); return true })
			if c := p.chapter; c == nil && sum != tallyOf(p.packed) || c != nil && sum != c.tally {
				return fmt.Errorf("a page up to %d adds up to %+v", p.end, sum)
			}
		}
	}
	if packed != x.packed || chapters != x.chapters {
		return fmt.Errorf("%d pages are packed and %d chapters, not %d and %d", packed, chapters, x.packed, x.chapters)
	}
	return nil
}

func names(x *extents, in Interval) (out []string) {
	x.walk(in, func(e *extent, from, to int) {
		for _, m := range e.content.Messages[from:to] {
			out = append(out, m.RoutingKey)
		}
	})
	return out
}

func TestExtentsWalk(t *testing.T) {
	// Contract P-41: messages leave in the order they came, over the borders of the batches they came in.
	x := filled(3, 1, 4)
	for in, want := range map[Interval]string{
		{0, 1}: "[0]", {0, 3}: "[0 1 2]", {2, 2}: "[2 3]", {1, 6}: "[1 2 3 4 5 6]", {0, 8}: "[0 1 2 3 4 5 6 7]", {7, 1}: "[7]",
	} {
		if got := fmt.Sprint(names(x, in)); got != want {
			t.Errorf("%v: %s, want %s", in, got, want)
		}
	}
}

func TestExtentsSettle(t *testing.T) {
	// Promise 2: a message that is settled holds no memory, and its bytes are given back exactly once.
	x := filled(3, 3, 3)
	total := 0
	for _, e := range listedIn(x) {
		total += e.left
	}
	for _, in := range []Interval{{4, 1}, {0, 2}, {7, 2}, {2, 2}, {5, 2}} {
		bytes, _, _ := x.settle(in, nobody, noChapter)
		total -= bytes
	}
	if l := x.pages[0].list; total != 0 || len(x.pages) != 1 || len(l.all) != 0 || l.head != 0 || l.dead != 0 {
		t.Fatalf("%d bytes left, %+v", total, l)
	}
}

func TestExtentsOneMessageKeepsNoOther(t *testing.T) {
	// Promise 2: one delivery that is never settled must not keep an entry for every batch that came behind it.
	x := &extents{}
	x.push(extentOf(0, 0))
	for i := 1; i < 100_000; i++ {
		x.push(extentOf(i, i))
		x.settle(Interval{First: uint64(i), N: 1}, nobody, noChapter)
		if n := len(listedIn(x)); n > 130 || len(x.pages) > 2 {
			t.Fatalf("%d entries in %d pages for one message", n, len(x.pages))
		}
	}
	if got := fmt.Sprint(names(x, Interval{0, 1})); got != "[0]" {
		t.Fatalf("it is %s", got)
	}
}

func TestExtentsBacklogTakesNoMore(t *testing.T) {
	// DESIGN section 7: what a queue keeps does not grow with what has passed through it.
	x := &extents{}
	for i := range 10_000 {
		x.push(extentOf(i, i))
		if i >= 100 {
			x.settle(Interval{First: uint64(i - 100), N: 1}, nobody, noChapter)
		}
		if n := len(x.pages); n > 1 || cap(x.pages[0].list.all) > 2*listMost {
			t.Fatalf("%d pages, the last of %d", n, cap(x.pages[n-1].list.all))
		}
	}
}

func TestExtentsFindWhatIsGone(t *testing.T) {
	// Our fault is a panic: nobody delivers what was settled and let go of.
	x := filled(1, 1)
	x.settle(Interval{0, 1}, nobody, noChapter)
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	x.walk(Interval{0, 1}, func(*extent, int, int) {})
}

func TestExtentsCloneIsApart(t *testing.T) {
	// DESIGN 5: what a stream holds is never shared with the live state, but for messages, which nobody writes.
	x := filled(2, 2, 2)
	x.settle(Interval{0, 2}, nobody, noChapter)
	c := x.clone()
	x.settle(Interval{2, 4}, nobody, noChapter)
	if got := fmt.Sprint(names(&c, Interval{2, 4})); got != "[2 3 4 5]" {
		t.Fatalf("the clone has %s", got)
	}
	c.push(extentOf(6, 6))
	if all := listedIn(x); len(all) != 0 {
		t.Fatalf("the original has %v", all)
	}
}
