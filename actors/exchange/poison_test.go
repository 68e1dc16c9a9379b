package exchange

import (
	"slices"
	"testing"

	"warren/actors/queue/ready"
)

// Issue 5, point 2: what has a route and kills the exchange twice when it is sent again is set aside; what is around it goes on.
func TestPoisonedRepublishIsSetAside(t *testing.T) {
	b := newBooth(t, Direct, "A -k-> q")
	batch := messages(1, "k", "k", "k")
	route := only[*Routed](b.tell(&Publish{Session: 1, Incarnation: 1, Messages: batch}))[0].Routes[0].Route
	batch[1].Body = []byte("toxic-exchange")
	runs := []Run{{route, batch[:1]}, {route, batch[1:2]}, {route, batch[2:]}}
	for incarnation := range uint64(2) {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("no panic")
				}
			}()
			b.x.Poison = "toxic"
			b.tell(&Resume{Session: 1, Incarnation: incarnation + 1, Prev: 3})
			b.tell(&Republish{Session: 1, Incarnation: incarnation + 1, Runs: runs})
		}()
		b.x.Crashed(&Republish{Session: 1})
		b.start(incarnation + 2)
	}
	b.x.Poison = "toxic"
	b.tell(&Resume{Session: 1, Incarnation: 3, Prev: 3})
	got := b.tell(&Republish{Session: 1, Incarnation: 3, Runs: runs})
	if seqs := enqueued(got, b.queues["q"]); !slices.Equal(seqs, []uint64{1, 3}) {
		t.Errorf("the queue gets %v", seqs)
	}
	if aside := only[*SetAside](got); len(aside) != 1 || !slices.Equal(aside[0].Sequences, []ready.Interval{{First: 2, N: 1}}) || aside[0].Incarnation != 3 {
		t.Errorf("set aside: %+v", aside)
	}
	if b.x.suspicious {
		t.Error("it is suspicious for ever")
	}
}
