package ready

import (
	"fmt"
	"testing"
)

// holding returns a consumer that got messages 10..14 and 20..22 as its deliveries 1..8, the last three for the second time.
func holding() *Consumer {
	c := &Consumer{Key: Key{Session: 1, Consumer: 2}}
	c.deliver(Interval{First: 10, N: 3}, false, Consumed)
	c.deliver(Interval{First: 13, N: 2}, false, Consumed)
	c.deliver(Interval{First: 20, N: 3}, true, Consumed)
	return c
}

func TestConsumerRunsThatGoOnAreOne(t *testing.T) {
	// Promise 2, bounded: what one consumer has of a queue in order costs one entry, however many deliveries it was.
	if got := fmt.Sprint(holding().runs); got != "[{1 10 5 false } {6 20 3 true }]" {
		t.Fatal(got)
	}
}

func TestConsumerTake(t *testing.T) {
	// Contract P-48: an acknowledgement settles one delivery, or with multiple all up to it, in any order.
	cases := []struct {
		name  string
		take  [][2]uint64
		yield string
		left  string
	}{
		{"the first", [][2]uint64{{1, 1}}, "[{10 1}]", "[{2 11 4 false } {6 20 3 true }]"},
		{"one inside of a run", [][2]uint64{{3, 3}}, "[{12 1}]", "[{1 10 2 false } {4 13 2 false } {6 20 3 true }]"},
		{"the end of a run", [][2]uint64{{4, 5}}, "[{13 2}]", "[{1 10 3 false } {6 20 3 true }]"},
		{"a whole run", [][2]uint64{{1, 5}}, "[{10 5}]", "[{6 20 3 true }]"},
		{"the last run", [][2]uint64{{6, 8}}, "[{20 3}]", "[{1 10 5 false }]"},
		{"over two runs", [][2]uint64{{4, 7}}, "[{13 2} {20 2}]", "[{1 10 3 false } {8 22 1 true }]"},
		{"everything", [][2]uint64{{1, 8}}, "[{10 5} {20 3}]", "[]"},
		{"over a hole", [][2]uint64{{3, 6}, {2, 8}}, "[{12 3} {20 1} {11 1} {21 2}]", "[{1 10 1 false }]"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			k := holding()
			got, n := []Interval{}, 8
			for _, r := range c.take {
				k.take(r[0], r[1], func(in Interval, _ Reason) { got = append(got, in); n -= int(in.N) })
			}
			if fmt.Sprint(got) != c.yield || fmt.Sprint(k.runs) != c.left || k.Unsettled() != n {
				t.Errorf("yields %v, leaves %v, %d unsettled; want %s, %s, %d", got, k.runs, k.Unsettled(), c.yield, c.left, n)
			}
		})
	}
}

func TestConsumerTakeOfWhatIsNotHeld(t *testing.T) {
	// Our fault is a panic: an event never settles what its consumer does not hold.
	k := holding()
	k.take(2, 3, func(Interval, Reason) {})
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	k.take(3, 4, func(Interval, Reason) {})
}

func TestConsumerClip(t *testing.T) {
	// Promise: a settlement that arrives twice, or for more than the consumer has, settles what is held and no more.
	cases := []struct {
		first, last         uint64
		wantFirst, wantLast uint64
	}{
		{1, 8, 1, 8}, {0, 4, 1, 4}, {0, 100, 1, 8}, {4, 5, 6, 0}, {5, 6, 6, 6}, {4, 4, 6, 0}, {9, 12, 6, 0}, {0, 0, 6, 0},
	}
	for _, c := range cases {
		k := holding()
		k.take(4, 5, func(Interval, Reason) {})
		first, last := k.clip(c.first, c.last)
		if c.wantLast == 0 && first <= last || c.wantLast > 0 && (first != c.wantFirst || last != c.wantLast) {
			t.Errorf("clip(%d, %d) = %d..%d", c.first, c.last, first, last)
		}
	}
}

func TestConsumerOutstandingAfter(t *testing.T) {
	// DESIGN 4: deliveries to a session are a sequenced link, so a session that restarts gets what it lacks, and once.
	k := holding()
	k.take(3, 3, func(Interval, Reason) {})
	for seq, want := range map[uint64]string{
		0: "[{1 10 2 false } {4 13 2 false } {6 20 3 true }]",
		1: "[{2 11 1 false } {4 13 2 false } {6 20 3 true }]",
		2: "[{4 13 2 false } {6 20 3 true }]",
		3: "[{4 13 2 false } {6 20 3 true }]",
		6: "[{7 21 2 true }]",
		8: "[]",
	} {
		if got := fmt.Sprint(k.OutstandingAfter(seq)); got != want {
			t.Errorf("after %d: %s, want %s", seq, got, want)
		}
	}
	out := k.OutstandingAfter(0)
	out[0].N = 99
	if k.runs[0].N == 99 {
		t.Error("the answer shares memory with the consumer")
	}
}

func TestConsumerRoom(t *testing.T) {
	// Contract P-46: the prefetch bounds what is unacknowledged; 0 bounds nothing, and no_ack has none.
	cases := []struct {
		c    Consumer
		want int
	}{
		{Consumer{Prefetch: 10}, 2},
		{Consumer{Prefetch: 8}, 0},
		{Consumer{Prefetch: 3}, 0},
		{Consumer{}, int(^uint(0) >> 1)},
		{Consumer{Prefetch: 1, NoAck: true}, int(^uint(0) >> 1)},
		{Consumer{Prefetch: 10, Cancelled: true}, 0},
	}
	for _, c := range cases {
		c.c.deliver(Interval{First: 0, N: 8}, false, Consumed)
		if got := c.c.Room(); got != c.want {
			t.Errorf("%+v: room %d, want %d", c.c, got, c.want)
		}
	}
}
