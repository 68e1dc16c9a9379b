package channel

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"warren/actors/session"
	"warren/protocol/amqp091"
)

// Issue 5, "replay is exact": one read brings a publish, an ack, a get and the declaration of a queue that the server names. The channel
// crashes in front of each of its events in turn, and behind each. There is one publish, one ack, one get and one queue.
func TestReplayIsExact(t *testing.T) {
	// run crashes behind the n-th event of the read, or in front of it, and says whether there is one.
	run := func(n int, behind bool) (crashed bool) {
		o := newOffice(t, nil)
		at := -1 // not counting
		o.streams.Poison(func(event any) bool {
			if _, is := event.(Event); !is || at < 0 {
				return false
			}
			at++
			if at == n {
				crashed = true
			}
			return at == n
		})
		c := o.open()
		c.do(&amqp091.QueueDeclare{Queue: "q"}, &amqp091.ConfirmSelect{})
		c.publish("", "q", 0, "a", "b")
		c.send()
		c.run()
		c.do(&amqp091.BasicGet{Queue: "q"})
		c.hear()
		c.publish("", "q", 0, "c")
		c.ack(1)
		c.method(&amqp091.BasicGet{Queue: "q"})
		c.method(&amqp091.QueueDeclare{Exclusive: true})
		c.send()
		at = 0
		func() {
			defer func() {
				if recover() == nil {
					return
				}
				at = -1
				if !behind { // as if it had not been appended
					c.actor().stream.View(func(_ *State, tail []Event) { tail[len(tail)-1] = Event{What: &Skipped{}} })
				}
				c.crash(c.id)
			}()
			c.run()
		}()
		at = -1
		c.run()

		heard := c.hear()
		slices.Sort(heard)
		name := strings.TrimSuffix(strings.TrimPrefix(heard[2-1], "declare-ok "), " messages=0 consumers=0")
		want := []string{"ack 3", "declare-ok " + name + " messages=0 consumers=0", "get-ok 2 left=1 b"}
		if !slices.Equal(heard, want) {
			t.Fatalf("event %d, behind it %v: heard %q, want %q", n, behind, heard, want)
		}
		var queues []string
		for _, q := range o.directory.Queues() {
			queues = append(queues, fmt.Sprint(q.Name, " ", q.Ready.Load(), " ", q.Unacked.Load()))
		}
		slices.Sort(queues)
		if want := []string{name + " 0 0", "q 1 1"}; !slices.Equal(queues, want) {
			t.Fatalf("event %d, behind it %v: %q, want %q", n, behind, queues, want)
		}
		if c.credit != 0 || c.actor().state.Published() != 3 || c.actor().state.Mode != session.Confirmed {
			t.Fatalf("event %d, behind it %v: credit %d, %d published", n, behind, c.credit, c.actor().state.Published())
		}
		return crashed
	}
	for _, behind := range []bool{true, false} {
		n := 1
		for run(n, behind) {
			n++
		}
		if n < 8 {
			t.Errorf("only %d events", n)
		}
	}
}
