package channel

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"warren/protocol/amqp091"
)

// sharing is a client whose broker takes basic.qos with global=true at its word.
func (o *office) sharing() *client {
	c := o.open()
	c.actor().GlobalQos = true
	return c
}

// tags of the deliveries in what a client heard, and the bodies by consumer.
func delivered(heard []string) (tags []uint64, bodies map[string][]string) {
	bodies = map[string][]string{}
	for _, line := range heard {
		if words := strings.Fields(line); words[0] == "deliver" {
			tag, _ := strconv.ParseUint(words[2], 10, 64)
			tags = append(tags, tag)
			bodies[words[1]] = append(bodies[words[1]], words[len(words)-1])
		}
	}
	return tags, bodies
}

func TestOneLimitForTheChannel(t *testing.T) {
	// P-46: with global=true all consumers of a channel have one limit, also those that were there; beside the prefetch of each. A
	// get does not count, a consumer without acknowledgements has none. It is raised and lowered at once, and 0 is no limit.
	o := newOffice(t, nil)
	c := o.sharing()
	c.do(&amqp091.QueueDeclare{Queue: "q"}, &amqp091.QueueDeclare{Queue: "r"}, &amqp091.QueueDeclare{Queue: "n"},
		&amqp091.BasicConsume{Queue: "q", ConsumerTag: "a"}, &amqp091.BasicQos{PrefetchCount: 3, Global: true},
		&amqp091.BasicQos{PrefetchCount: 1}, &amqp091.BasicConsume{Queue: "r", ConsumerTag: "b"},
		&amqp091.BasicConsume{Queue: "n", ConsumerTag: "c", NoAck: true})
	c.hear()
	publish := func(q string, bodies ...string) {
		c.publish("", q, 0, bodies...)
		c.send()
		o.run()
	}
	publish("n", "n1", "n2", "n3", "n4", "n5")
	if tags, _ := delivered(c.hear()); len(tags) != 5 {
		t.Fatalf("%d without acknowledgements", len(tags))
	}
	publish("r", "r1", "r2", "r3")
	publish("q", "q1", "q2", "q3", "q4", "q5", "q6", "q7", "q8")
	tags, bodies := delivered(c.hear())
	if len(tags) != 3 || !slices.Equal(bodies["b"], []string{"r1"}) || !slices.Equal(bodies["a"], []string{"q1", "q2"}) {
		t.Fatalf("first %v", bodies)
	}
	c.do(&amqp091.BasicGet{Queue: "q"})
	c.expect("get-ok 9 left=5 q3")
	c.do(&amqp091.BasicQos{PrefetchCount: 4, Global: true})
	if _, bodies = delivered(c.hear()); !slices.Equal(bodies["a"], []string{"q4"}) {
		t.Fatalf("one more gives %v", bodies)
	}
	c.do(&amqp091.BasicQos{PrefetchCount: 2, Global: true})
	c.ack(tags[1], tags[2]) // two of four are left
	c.send()
	o.run()
	if got, bodies := delivered(c.hear()); len(got) != 0 {
		t.Fatalf("below the limit comes %v", bodies)
	}
	c.ack(tags[0]) // r1
	c.send()
	o.run()
	if got, bodies := delivered(c.hear()); len(got) != 1 {
		t.Fatalf("for one ack comes %v", bodies)
	}
	c.do(&amqp091.BasicQos{PrefetchCount: 0, Global: true})
	if got, bodies := delivered(c.hear()); len(got) < 3 || len(bodies["b"]) > 1 {
		t.Fatalf("without a limit comes %v", bodies)
	}
	if ready := o.directory.Queue("q").Ready.Load(); ready != 0 {
		t.Errorf("%d wait in q", ready)
	}
	c.do(&amqp091.BasicQos{PrefetchCount: 1, Global: true})
	publish("q", "behind")
	c.expect("BasicQosOk")
}

func TestQueuesTakeTurns(t *testing.T) {
	// P-46: however much one queue has, the others of a channel with one limit get their share.
	o := newOffice(t, nil)
	c := o.sharing()
	queues := []string{"q", "r", "s"}
	c.do(&amqp091.BasicQos{PrefetchCount: 2, Global: true})
	for _, q := range queues {
		c.do(&amqp091.QueueDeclare{Queue: q}, &amqp091.BasicConsume{Queue: q, ConsumerTag: q})
	}
	c.hear()
	for _, q := range queues {
		c.publish("", q, 0, slices.Repeat([]string{q}, 100)...)
		c.send()
		o.run()
	}
	total := map[string]int{}
	for range 90 {
		tags, bodies := delivered(c.hear())
		if len(tags) == 0 || len(tags) > 2 {
			t.Fatalf("%d at once", len(tags))
		}
		for q, b := range bodies {
			total[q] += len(b)
		}
		c.ack(tags...)
		c.send()
		o.run()
	}
	for _, q := range queues {
		if total[q] < 50 {
			t.Errorf("of 180: %v", total)
		}
	}
}

func TestTheLimitWhoeverCrashes(t *testing.T) {
	// P-46 and promise 1: never is more than the limit unacknowledged, everything comes, and in order, whoever crashes and whenever.
	for seed := range uint64(60) {
		lot := rand.New(rand.NewPCG(seed, 46))
		o := newOffice(t, lot)
		c := o.open()
		options := c.actor().Options
		options.GlobalQos = true
		d := o.find(c.id)
		d.make = func(i uint64) actor.Actor { return New(options, i) }
		o.crash(c.id)
		o.run()
		const limit, each = 3, 20
		c.do(&amqp091.BasicQos{PrefetchCount: limit, Global: true})
		for _, q := range []string{"q", "r"} {
			c.do(&amqp091.QueueDeclare{Queue: q}, &amqp091.BasicConsume{Queue: q, ConsumerTag: q})
		}
		c.hear()
		for i := range each {
			c.publish("", "q", 0, strconv.Itoa(i))
			c.publish("", "r", 0, strconv.Itoa(i))
		}
		c.send()
		got := map[string]int{}
		var open []uint64
		for idle := 0; got["q"]+got["r"] < 2*each; {
			for n := lot.IntN(20); n > 0 && o.step(); n-- {
				if lot.IntN(25) == 0 {
					victims := slices.Concat(o.ids(c.id), o.ids("core/queues/q"), o.ids("core/queues/r"))
					o.crash(victims[lot.IntN(len(victims))])
				}
			}
			tags, bodies := delivered(c.hear())
			for q, list := range bodies {
				for _, b := range list {
					if b != strconv.Itoa(got[q]) {
						t.Fatalf("seed %d: %s of %s, want %d", seed, b, q, got[q])
					}
					got[q]++
				}
			}
			if open = append(open, tags...); len(open) > limit {
				t.Fatalf("seed %d: %d are unacknowledged", seed, len(open))
			}
			if len(open) > 0 && lot.IntN(3) == 0 {
				c.ack(open...)
				c.send()
				open = nil
			}
			if idle++; idle > 10_000 {
				t.Fatalf("seed %d: stuck at %v with %d unacknowledged", seed, got, len(open))
			}
		}
	}
}
