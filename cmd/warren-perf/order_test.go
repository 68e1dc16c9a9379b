package main

import (
	"context"
	"io"
	"strings"
	"testing"
)

// AMQP 0-9-1 section 4.7: what one producer publishes to one queue comes in that order. Each line is what a consumer gets of it.
func TestOrder(t *testing.T) {
	const redelivered = true
	type got struct {
		number      int64
		redelivered bool
	}
	numbers := func(n ...int64) (g []got) {
		for _, n := range n {
			g = append(g, got{number: n})
		}
		return g
	}
	for _, c := range []struct {
		what  string
		step  int
		queue int
		got   []got
		ends  int64 // 0: not told
		want  orderSummary
	}{
		{what: "nothing"},
		{what: "in order", got: numbers(0, 1, 2, 3), want: orderSummary{Checked: 4}},
		{what: "in order to its end", got: numbers(0, 1, 2, 3), ends: 4, want: orderSummary{Checked: 4}},
		{what: "the first is not there", got: numbers(2, 3), want: orderSummary{Checked: 2, Missing: 2}},
		{what: "the last is not there", got: numbers(0, 1), ends: 4, want: orderSummary{Checked: 2, Missing: 2}},
		{what: "none is there", ends: 4, want: orderSummary{Missing: 4}},
		{what: "two change places", got: numbers(0, 2, 1, 3), want: orderSummary{Checked: 4, Late: 1}},
		{what: "a hole is filled from its middle", got: numbers(0, 5, 3, 1, 4, 2, 6), want: orderSummary{Checked: 7, Late: 4}},
		{what: "twice", got: numbers(0, 1, 1, 2, 0), want: orderSummary{Checked: 5, Doubles: 2}},
		{what: "late, and then twice", got: numbers(0, 2, 1, 1), want: orderSummary{Checked: 4, Late: 1, Doubles: 1}},
		{what: "two holes", got: numbers(0, 3, 9, 4), want: orderSummary{Checked: 4, Missing: 6, Late: 1}},
		{what: "redelivered", got: append(numbers(0, 1, 2), got{0, redelivered}, got{2, redelivered}, got{3, redelivered}), want: orderSummary{Checked: 6}},
		{what: "redelivered late", got: append(numbers(0, 2), got{1, redelivered}), want: orderSummary{Checked: 3}},
		{what: "redelivered behind a hole", got: []got{{0, redelivered}, {2, redelivered}}, want: orderSummary{Checked: 2, Missing: 1}},
		{what: "queues in turn", step: 10, queue: 3, got: numbers(3, 13, 23), ends: 30, want: orderSummary{Checked: 3}},
		{what: "queues in turn, and the end is in front of its turn", step: 10, queue: 3, got: numbers(3, 13, 23), ends: 33, want: orderSummary{Checked: 3}},
		{what: "queues in turn, one missing", step: 10, queue: 3, got: numbers(3, 23), ends: 34, want: orderSummary{Checked: 2, Missing: 2}},
		{what: "queues in turn, one late", step: 10, queue: 3, got: numbers(3, 33, 13, 23, 23), want: orderSummary{Checked: 5, Late: 2, Doubles: 1}},
		{what: "another queue's", step: 10, queue: 3, got: numbers(3, 33, 14), want: orderSummary{Checked: 3, Missing: 2, Doubles: 1}},
	} {
		o := newOrder(max(c.step, 1))
		by := originOf(77, 5)
		for _, g := range c.got {
			o.came(c.queue, delivery{mark: by.mark(g.number), redelivered: g.redelivered})
		}
		if c.ends > 0 {
			o.ended(c.queue, by, c.ends)
		}
		if o.sum != c.want {
			t.Errorf("%s: %+v instead of %+v", c.what, o.sum, c.want)
		}
	}
}

// Producers, runs and queues are numbered each by themselves, and may come in any mixture.
func TestOrderTellsFlowsApart(t *testing.T) {
	o := newOrder(1)
	for n := range int64(3) {
		for _, by := range []origin{originOf(0, 0), originOf(0, 1), originOf(1, 0), originOf(maxRuns-1, maxProducers-1)} {
			for queue := range 2 {
				o.came(queue, delivery{mark: by.mark(n)})
			}
		}
	}
	o.came(0, delivery{})
	if want := (orderSummary{Checked: 25, Unnumbered: 1}); o.sum != want {
		t.Errorf("%+v instead of %+v", o.sum, want)
	}
}

// Every other message is lost, of more than is remembered: the number of them is right all the same.
func TestOrderForgetsHoles(t *testing.T) {
	o, by := newOrder(1), originOf(0, 0)
	const messages = 5 * maxHoles
	for n := range int64(messages) {
		o.came(0, delivery{mark: by.mark(2*n + 1)})
	}
	o.came(0, delivery{mark: by.mark(0)})
	o.came(0, delivery{mark: by.mark(2*messages - 2)})
	if want := (orderSummary{Checked: messages + 2, Missing: messages - 1, Late: 1, Doubles: 1}); o.sum != want || len(o.track.holes) > maxHoles {
		t.Errorf("%+v instead of %+v, %d holes", o.sum, want, len(o.track.holes))
	}
}

// A run that finds a violation fails, and says in its summary what it was.
func TestRunChecksOrder(t *testing.T) {
	for _, c := range []struct {
		what string
		fate func(int) int
		want orderSummary
	}{
		{"all is well", nil, orderSummary{Checked: 100}},
		{"one is lost", func(n int) int { return int(flag(n != 10)) }, orderSummary{Checked: 99, Missing: 1}},
		{"the last is lost", func(n int) int { return int(flag(n != 100)) }, orderSummary{Checked: 99, Missing: 1}},
		{"one comes twice", func(n int) int { return 1 + int(flag(n == 10)) }, orderSummary{Checked: 101, Doubles: 1}},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			b := &stallingBroker{t: t, fate: c.fate}
			o := options{
				uri: b.listen(), producers: 1, consumers: 1, queue: "q", bodyBytes: 16, autoAck: true, writeBytes: 1 << 16,
				messages: 100, keep: true, quiet: true, checkOrder: true,
			}
			r, err := setup(&o)
			if err != nil {
				t.Fatal(err)
			}
			s, err := r.run(context.Background(), io.Discard)
			if s.Order == nil || *s.Order != c.want {
				t.Fatalf("%+v instead of %+v", s.Order, c.want)
			}
			if wrong := c.want.violations() > 0; wrong != (err != nil) || wrong && !strings.Contains(err.Error(), "--check-order: 1 violations") {
				t.Errorf("the run ends with %v", err)
			}
		})
	}
}

// The first run fills, the second checks what it has not published itself; less than it was told to take is a violation too.
func TestDrainChecksOrder(t *testing.T) {
	o := options{received: 10, checkOrder: true}
	r := run{options: &o, meter: &meter{consumers: []*consumer{{order: newOrder(1)}}}}
	for n := range int64(8) {
		r.meter.consumers[0].order.came(0, delivery{mark: originOf(3, 0).mark(n)})
	}
	if got, want := *r.order(sample{received: 8}), (orderSummary{Checked: 8, Short: 2}); got != want {
		t.Errorf("%+v instead of %+v", got, want)
	}
}

func BenchmarkOrder(b *testing.B) {
	o, by := newOrder(1), originOf(0, 0)
	n := int64(0)
	b.ReportAllocs()
	for b.Loop() {
		o.came(0, delivery{mark: by.mark(n)})
		n++
	}
}
