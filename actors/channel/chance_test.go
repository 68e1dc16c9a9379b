package channel

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"warren/protocol/amqp091"
)

// play lets a publisher and a consumer work over two exchanges and two queues, in turns by lot, and crashes somebody every
// now and then. The consumer acknowledges everything.
func play(t *testing.T, seed uint64, messages int, noAck bool) {
	lot := rand.New(rand.NewPCG(seed, 2))
	o := newOffice(t, nil)
	p, c := o.open(), o.open()
	p.do(&amqp091.ExchangeDeclare{Exchange: "f", Type: "fanout"}, &amqp091.QueueDeclare{Queue: "q"}, &amqp091.QueueDeclare{Queue: "r"},
		&amqp091.QueueBind{Queue: "q", Exchange: "f"}, &amqp091.QueueBind{Queue: "r", Exchange: "f"}, &amqp091.ConfirmSelect{})
	p.hear()
	c.do(&amqp091.BasicQos{PrefetchCount: uint16(1 + seed%5)}, &amqp091.BasicConsume{Queue: "q", ConsumerTag: "q", NoAck: noAck},
		&amqp091.BasicConsume{Queue: "r", ConsumerTag: "r", NoAck: noAck})
	c.hear()
	o.lot = lot
	got := map[string][]string{}
	acked := uint64(0)
	take := func() {
		for _, line := range c.hear() {
			words := strings.Fields(line)
			if words[0] != "deliver" {
				t.Fatalf("seed %d: consumer heard %q", seed, line)
			}
			got[words[1]] = append(got[words[1]], words[len(words)-1])
			if acked++; !noAck {
				c.ack(acked)
			}
		}
		if len(c.steps) > 0 {
			c.send()
		}
	}
	var want []string
	for len(want) < messages {
		body := fmt.Sprint(len(want))
		switch lot.IntN(12) {
		case 0, 1, 2:
			p.publish("f", "", 0, body)
			want = append(want, body)
		case 3:
			p.send()
		case 4:
			if lot.IntN(4) == 0 {
				victims := append(append(o.ids("channel"), o.ids("core/exchanges/f")...), o.ids("core/queues/")...)
				o.crash(victims[lot.IntN(len(victims))])
			}
		case 5:
			take()
		case 6:
			c.stall = !c.stall
			if !c.stall {
				c.drain()
			}
		default:
			o.step()
		}
	}
	p.send()
	c.drain()
	for before := -1; before != int(acked); {
		before = int(acked)
		o.run()
		take()
	}
	confirmed := sorted(t, p.hear(), messages)
	if len(confirmed) != 0 {
		t.Fatalf("seed %d: publisher heard %q", seed, confirmed)
	}
	for _, tag := range []string{"q", "r"} {
		if fmt.Sprint(got[tag]) != fmt.Sprint(want) {
			t.Fatalf("seed %d: from %s came\n%v, want\n%v", seed, tag, got[tag], want)
		}
	}
	if p.credit != 0 || c.credit != 0 {
		t.Fatalf("seed %d: credit %d, %d", seed, p.credit, c.credit)
	}
}

func TestByChance(t *testing.T) {
	// Promise 1: whatever the order of turns and whoever crashes, no message is lost, none comes twice, none out of order, each
	// is confirmed once.
	for seed := range uint64(50) {
		play(t, seed, 60, seed%2 == 0)
	}
}
