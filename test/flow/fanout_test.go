package flow

import (
	"fmt"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// one publisher to a thousand queues, of bodies that each of them keeps: what they share counts once, and each lets go of what it
// has when memory is short. Nobody locks up, with consumers or without.
func TestBounded_FanOut(t *testing.T) {
	const queues, size, messages = 1000, 100 << 10, 30
	for _, row := range []struct {
		what      string
		mode      uint8
		durable   bool
		consumers bool
	}{
		{"A-15 transient, nobody consumes", amqp.Transient, false, false},
		{"A-15 persistent, nobody consumes", amqp.Persistent, true, false},
		{"A-15 transient, all consume", amqp.Transient, false, true},
	} {
		t.Run(row.what, func(t *testing.T) {
			b := broker.Start(t, broker.NoRace(), broker.Set("total_memory_available_override_value", "512MiB"))
			conn := connectTo(t, b.URI())
			ch := channelOn(t, conn)
			must(t, ch.ExchangeDeclare("fan", "fanout", row.durable, false, false, false, nil))
			taken := make(chan struct{}, queues*messages)
			var takers []*amqp.Channel
			for i := range 10 {
				if row.consumers {
					takers = append(takers, channelOn(t, connectTo(t, b.URI())))
					must(t, takers[i].Qos(1, 0, false))
				}
			}
			names := make([]string, queues)
			for i := range queues {
				names[i] = fmt.Sprintf("%s-%d", name(t, "q"), i)
				_, err := ch.QueueDeclare(names[i], row.durable, false, false, false, nil)
				must(t, err)
				must(t, ch.QueueBind(names[i], "", "fan", false, nil))
				if row.consumers {
					deliveries, err := takers[i%len(takers)].Consume(names[i], "", false, false, false, false, nil)
					must(t, err)
					go func() {
						for d := range deliveries {
							if len(d.Body) != size || d.Ack(false) != nil {
								return
							}
							taken <- struct{}{}
						}
					}()
				}
			}
			w := watch(t, b)
			w.highest = crowdBytes / 5 * 2 / 10 * 11
			confirms := confirming(t, ch, messages)
			began := time.Now()
			for range messages {
				must(t, ch.Publish("fan", "", false, false, amqp.Publishing{DeliveryMode: row.mode, Body: make([]byte, size)}))
			}
			acked(t, confirms, messages)
			t.Logf("all confirmed after %v", time.Since(began))
			if row.consumers {
				for range queues * messages {
					next(t, taken, "a delivery")
				}
			} else {
				for _, i := range []int{0, queues / 2, queues - 1} {
					for range messages {
						if got := get(t, ch, names[i]); len(got) != size {
							t.Fatalf("%d bytes", len(got))
						}
					}
				}
			}
			w.held(t, 1, size, queues*(creditBytes/size+1)*2/10) // each queue answers each message: accepted, and confirmed
		})
	}
}

// a thousand queues, each of which has as little as it may keep, and together more than there is. Whoever publishes goes on when
// they have let go of it, also of what consumers wait behind that do not acknowledge what they have.
func TestBounded_LittleInManyQueues(t *testing.T) {
	const queues, size, rounds = 1000, 60 << 10, 5
	for _, row := range []struct {
		what      string
		mode      uint8
		consumers bool
	}{
		{"A-15 transient, nobody consumes", amqp.Transient, false},
		{"A-15 persistent, consumers that do not acknowledge", amqp.Persistent, true},
	} {
		t.Run(row.what, func(t *testing.T) {
			b := broker.Start(t, broker.NoRace(), broker.Set("total_memory_available_override_value", "512MiB"))
			ch := channelOn(t, connectTo(t, b.URI()))
			taker := channelOn(t, connectTo(t, b.URI()))
			must(t, taker.Qos(1, 0, false))
			names := make([]string, queues)
			taken := make([]<-chan amqp.Delivery, queues)
			for i := range queues {
				names[i] = fmt.Sprintf("%s-%d", name(t, "q"), i)
				_, err := ch.QueueDeclare(names[i], true, false, false, false, nil)
				must(t, err)
				if row.consumers {
					taken[i] = consume(t, taker, names[i], false)
				}
			}
			w := watch(t, b)
			w.highest = crowdBytes / 5 * 2 / 10 * 11
			confirms := confirming(t, ch, queues*rounds)
			began := time.Now()
			for n := range rounds {
				for i := range queues {
					body := make([]byte, size)
					body[0] = byte(n)
					must(t, ch.Publish("", names[i], false, false, amqp.Publishing{DeliveryMode: row.mode, Body: body}))
				}
			}
			acked(t, confirms, queues*rounds)
			t.Logf("all confirmed after %v", time.Since(began))
			for _, i := range []int{0, queues / 2, queues - 1} {
				for n := range rounds {
					var got []byte
					if row.consumers {
						d := next(t, taken[i], "a delivery")
						got = d.Body
						must(t, d.Ack(false))
					} else {
						got = []byte(get(t, ch, names[i]))
					}
					if len(got) != size || got[0] != byte(n) {
						t.Fatalf("queue %d, message %d: %d bytes", i, n, len(got))
					}
				}
			}
			w.held(t, 1, size, queues)
		})
	}
}
