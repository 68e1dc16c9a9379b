package chaos

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// tally is what every queue was sent and what came of it.
type tally struct {
	fault func(format string, args ...any)

	mu        sync.Mutex
	queues    map[string]map[message]*fate
	published int
	delivered int
	again     int
	waiting   int // in all queues, not settled
}

// message is one of a stream, which is a publisher and an exchange.
type message struct {
	stream string
	number int
}

type fate struct {
	deliveries int
	requeued   int  // by the consumer
	settled    bool // acked
}

func newTally(fault func(string, ...any)) *tally {
	return &tally{fault: fault, queues: map[string]map[message]*fate{}}
}

func (t *tally) expect(stream string, number int, queues []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.published++
	for _, q := range queues {
		if t.queues[q] == nil {
			t.queues[q] = map[message]*fate{}
		}
		t.queues[q][message{stream, number}] = &fate{}
		t.waiting++
	}
}

// deliver enters a delivery, which comes once, and again once for every time it was requeued. The consumer settles it, or with
// again has it requeued.
func (t *tally) deliver(queue, stream string, number int, redelivered, again bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.queues[queue][message{stream, number}]
	t.delivered++
	switch {
	case f == nil:
		t.fault("%s delivered %s %d, which was never sent there", queue, stream, number)
		return
	case f.settled:
		t.fault("%s delivered %s %d again (redelivered: %v), which was settled", queue, stream, number, redelivered)
	case f.deliveries > f.requeued:
		t.fault("%s delivered %s %d again (redelivered: %v), which was not requeued", queue, stream, number, redelivered)
	case redelivered != (f.deliveries > 0):
		t.fault("%s delivered %s %d with redelivered: %v, delivery %d", queue, stream, number, redelivered, f.deliveries+1)
	}
	f.deliveries++
	if again {
		f.requeued++
		t.again++
	} else {
		f.settled = true
		t.waiting--
	}
}

// behind is how many messages consumers have not settled yet.
func (t *tally) behind() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.waiting
}

// died checks that a message that came back has been rejected as often as it says.
func (t *tally) died(queue, stream string, number, rejections int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f := t.queues[queue][message{stream, number}]; f != nil && f.requeued != rejections {
		t.fault("%s delivered %s %d after %d rejections, x-death says %d", queue, stream, number, f.requeued, rejections)
	}
}

// missing says what was not received.
func (t *tally) missing() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	var left []string
	for _, q := range slices.Sorted(maps.Keys(t.queues)) {
		n := 0
		first := map[string]int{}
		for m, f := range t.queues[q] {
			if !f.settled {
				n++
				if at, seen := first[m.stream]; !seen || m.number < at {
					first[m.stream] = m.number
				}
			}
		}
		if n > 0 {
			left = append(left, fmt.Sprintf("%d of %d for %s, first %v", n, len(t.queues[q]), q, first))
		}
	}
	return strings.Join(left, "; ")
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("%d published, %d delivered, %d of them again", t.published, t.delivered, t.again)
}
