package channel

import (
	"fmt"
	"testing"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/actors/session"
)

// nowhere is a context that takes what is sent.
type nowhere struct{ actor.Context }

func (nowhere) Send(*actor.PID, any) {}

// sink is a socket that takes all at once.
type sink struct{}

func (sink) Write(Chunk)          {}
func (sink) Send(*actor.PID, any) {}

// Credit for one channel's consumers, each on a queue of its own and each with one delivery that has left: in proportion to them.
func BenchmarkCredit(b *testing.B) {
	for _, consumers := range []int{1, 10, 1000, 10_000} {
		b.Run(fmt.Sprintf("consumers=%d", consumers), func(b *testing.B) {
			state := newState()
			c := New(Options{Outlet: NewOutlet(sink{}, 0)}, 1)
			c.session = session.New(1, &state.State, nil)
			queues := make([]*queue.Slot, consumers)
			for i := range queues {
				queues[i] = &queue.Slot{}
			}
			b.ReportAllocs()
			for b.Loop() {
				for i, q := range queues {
					c.flights = append(c.flights, flight{queue: q, consumer: queue.FirstConsumer + uint32(i), seq: 1})
				}
				c.credit(nowhere{})
			}
		})
	}
}
