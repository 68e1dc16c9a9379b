package channel

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"testing"

	"warren/protocol"
	"warren/protocol/amqp091"
)

// life is a script that uses all that a channel can do, in reads that a client sends without waiting.
func life(c *client) {
	c.method(&amqp091.QueueDeclare{Queue: "q"})
	c.method(&amqp091.ConfirmSelect{})
	c.publish("", "q", 0, "a", "b", "c")
	c.publish("", "nobody", protocol.FlagMandatory, "lost")
	c.method(&amqp091.BasicGet{Queue: "q"})
	c.method(&amqp091.BasicGet{Queue: "q", NoAck: true})
	c.ack(1)
	c.method(&amqp091.BasicConsume{Queue: "q", ConsumerTag: "t"})
	c.send()
	c.publish("", "q", 0, "d", "e")
	c.method(&amqp091.BasicCancel{ConsumerTag: "t"})
	c.ack(3)
	c.method(&amqp091.QueueDeclare{Queue: "q", Passive: true})
	c.method(&amqp091.BasicRecover{Requeue: true})
	c.publish("", "q", 0, "f")
	c.send()
	c.method(&amqp091.QueueDeclare{Queue: "s"})
	c.publish("", "s", 0, "s")
	c.method(&amqp091.BasicGet{Queue: "s"})
	c.method(&amqp091.BasicGet{Queue: "s"}) // empty, with one that is not acknowledged
	c.method(&amqp091.QueueDeclare{Queue: "r"})
	c.publish("", "r", 0, "g", "h")
	c.method(&amqp091.QueuePurge{Queue: "r"})
	c.method(&amqp091.BasicConsume{Queue: "r", ConsumerTag: "u", NoAck: true})
	c.publish("", "r", 0, "i")
	c.method(&amqp091.BasicGet{Queue: "q"})
	c.method(&amqp091.BasicGet{Queue: "r"})
	c.method(&amqp091.QueueDelete{Queue: "r"})
	c.method(&amqp091.ChannelClose{})
	c.send()
}

// sorted is what a client heard, without what may come in any order or number: confirms may be put together, but each tag
// comes once; deliveries to a consumer and answers to methods have no order between them but that of delivery tags, and
// cancel-ok is behind the last delivery. A queue does not remember how many messages it had purged.
func sorted(t *testing.T, lines []string, publishes int) []string {
	t.Helper()
	open := map[int]bool{}
	for tag := 1; tag <= publishes; tag++ {
		open[tag] = true
	}
	var answers, deliveries []string
	cancelled := map[string]bool{}
	newest := 0
	for _, line := range lines {
		words := strings.Fields(line)
		switch words[0] {
		case "ack":
			tag, _ := strconv.Atoi(strings.TrimPrefix(words[1], "<="))
			if multiple := words[1][0] == '<'; !multiple && !open[tag] {
				t.Fatalf("%d confirmed twice in %q", tag, lines)
			} else if multiple {
				maps.DeleteFunc(open, func(other int, _ bool) bool { return other < tag })
			}
			delete(open, tag)
		case "deliver", "get-ok":
			at := 1
			if words[0] == "deliver" {
				at = 2
			}
			if tag, _ := strconv.Atoi(words[at]); tag != newest+1 || cancelled[words[1]] {
				t.Fatalf("%q behind tag %d in %q", line, newest, lines)
			}
			newest++
			words[at] = "n"
			if line = strings.Join(words, " "); at == 2 {
				deliveries = append(deliveries, line)
			} else {
				answers = append(answers, line)
			}
		case "purge-ok":
			answers = append(answers, words[0])
		case "cancel-ok", "cancel":
			cancelled[words[1]] = true
			answers = append(answers, line)
		default:
			answers = append(answers, line)
		}
	}
	if len(open) > 0 {
		t.Fatalf("not confirmed: %v in %q", open, lines)
	}
	return append(answers, deliveries...)
}

func TestCrashAnywhere(t *testing.T) {
	// Promise 1: no crash of an actor is the client's business. Whoever crashes, and whenever, the client hears what it hears
	// when nobody does.
	run := func(victim string, after int) (heard []string, turns int, crashed bool) {
		o := newOffice(t, nil)
		c := o.open()
		life(c)
		for ; o.step(); turns++ {
			if turns != after {
				continue
			}
			for _, id := range o.ids(victim) {
				o.crash(id)
				crashed = true
			}
		}
		if c.credit != 0 || len(o.ids(c.id)) != 0 || len(c.owner) != 1 {
			t.Fatalf("%s crashed after turn %d: credit %d, channels %v, connection heard %+v, client %q",
				victim, after, c.credit, o.ids(c.id), c.owner, c.hear())
		}
		return c.hear(), turns, crashed
	}
	heard, turns, _ := run("nobody", -1)
	want := sorted(t, heard, 11)
	for _, victim := range []string{"channel", "core/exchanges/", "core/queues/q", "core/queues/r", "core/queues/s"} {
		for after := range turns {
			heard, _, crashed := run(victim, after)
			if got := sorted(t, heard, 11); crashed && !slices.Equal(got, want) {
				t.Fatalf("%s crashed after turn %d of %d:\n%q, want\n%q", victim, after, turns, got, want)
			}
		}
	}
}
