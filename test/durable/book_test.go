package durable

import (
	"fmt"
	"strconv"
	"strings"
	"sync"

	amqp "github.com/rabbitmq/amqp091-go"
)

// book is what the clients know: every message that went to a queue, and what they were promised about it.
type book struct {
	mu     sync.Mutex
	life   int // of the broker, counted
	queues map[string]map[id]*entry
	faults []string
	counts map[string]int

	nextPublisher int
}

// id of a message: its publisher and the number that publisher gave it.
type id struct {
	publisher string
	n         int
}

func (i id) String() string { return i.publisher + "/" + strconv.Itoa(i.n) }

// entry is one message in one queue.
type entry struct {
	persistent bool
	born       int // the life it was published in
	safe       bool
	gone       bool // it may never be seen again
	lastLife   int  // in which it was delivered, 0: never
	marked     bool // it was delivered, and a promise behind that says so
	settled    bool // an ack or a reject was sent, or it went out with no_ack
	sealed     bool // and a promise behind that says so
}

func newBook() *book {
	return &book{life: 1, queues: map[string]map[id]*entry{}, counts: map[string]int{}}
}

const maxFaults = 20

func (b *book) fault(format string, args ...any) {
	if len(b.faults) < maxFaults {
		b.faults = append(b.faults, fmt.Sprintf("life %d: ", b.life)+fmt.Sprintf(format, args...))
	}
}

// Fault notes what should not have happened outside of a message's life.
func (b *book) Fault(format string, args ...any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault(format, args...)
}

// publisher names a new publisher.
func (b *book) publisher(kind string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.nextPublisher++
	return fmt.Sprintf("%s%d", kind, b.nextPublisher)
}

// published enters a message before it is sent.
func (b *book) published(m id, persistent bool, to []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts["published"]++
	for _, q := range to {
		if b.queues[q] == nil {
			b.queues[q] = map[id]*entry{}
		}
		b.queues[q][m] = &entry{persistent: persistent, born: b.life}
	}
}

func (b *book) confirmed(m id, to []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts["confirmed"]++
	for _, q := range to {
		if e := b.queues[q][m]; e != nil {
			e.safe = true
		}
	}
}

// delivered enters a delivery. It says false when the message is not one of ours.
func (b *book) delivered(queue string, d *amqp.Delivery) (m id, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts["delivered"]++
	m, ok = parse(d.Body)
	e := b.queues[queue][m]
	if !ok || e == nil {
		b.fault("%s: %.60q comes out and was never put in", queue, d.Body)
		return m, false
	}
	what := fmt.Sprintf("%s %v (persistent %v, born in life %d, safe %v)", queue, m, e.persistent, e.born, e.safe)
	switch {
	case e.gone:
		b.fault("%s: was gone and is back", what)
	case e.sealed:
		b.fault("%s: was settled for good and is back", what)
	case !e.persistent && e.born != b.life:
		b.fault("%s: a transient message outlived its broker", what)
	case e.settled && e.lastLife == b.life:
		b.fault("%s: was settled in this life and is back", what)
	}
	if !d.Redelivered {
		if e.lastLife == b.life {
			b.fault("%s: comes again in the same life and says redelivered=false", what)
		} else if e.marked {
			b.fault("%s: was delivered in life %d, a promise followed, and says redelivered=false", what, e.lastLife)
		}
	}
	if d.Redelivered {
		b.counts["redelivered"]++
	}
	e.lastLife, e.settled = b.life, false
	return m, true
}

// settling is entered before the ack goes out.
func (b *book) settling(queue string, ms ...id) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range ms {
		b.counts["settled"]++
		b.queues[queue][m].settled = true
	}
}

// promised: all that was delivered and settled of these before is on disk.
func (b *book) promised(queue string, delivered, settled []id) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range delivered {
		b.queues[queue][m].marked = true
	}
	for _, m := range settled {
		b.counts["sealed"]++
		b.queues[queue][m].sealed = true
	}
}

// restarted begins another life.
func (b *book) restarted() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.life++
}

// inventory compares a queue's whole content, in order, with what it must hold. excuse lets messages be missing that were
// on their way to a consumer with no_ack.
func (b *book) inventory(queue string, content []id, excuse bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	seen := map[id]bool{}
	last := map[string]int{}
	for _, m := range content {
		if seen[m] {
			b.fault("%s: %v is there twice", queue, m)
		}
		seen[m] = true
		if before, any := last[m.publisher]; any && before >= m.n {
			b.fault("%s: %v comes behind %d", queue, m, before)
		}
		last[m.publisher] = m.n
	}
	lost := 0
	for m, e := range b.queues[queue] {
		switch {
		case seen[m]:
			e.safe = true // what was found is on disk
		case e.persistent && e.safe && !e.settled && !e.gone && !excuse:
			lost++
			if lost <= 5 {
				b.fault("%s: %v is lost (born in life %d, delivered in %d)", queue, m, e.born, e.lastLife)
			}
			e.gone = true
		default:
			e.gone = true
		}
	}
	if lost > 5 {
		b.fault("%s: %d are lost, of %d that are there", queue, lost, len(content))
	}
	b.counts["recovered"] += len(content)
}

const padding = 200

func body(m id) []byte {
	// Some are larger than a frame would be if it were small, and the size follows from the number.
	return []byte(m.String() + "|" + strings.Repeat(string(rune('a'+m.n%26)), padding+m.n%7*100))
}

// parse also sees to it that no byte of it is wrong.
func parse(b []byte) (id, bool) {
	head, _, _ := strings.Cut(string(b), "|")
	publisher, number, ok := strings.Cut(head, "/")
	n, err := strconv.Atoi(number)
	m := id{publisher, n}
	return m, ok && err == nil && string(body(m)) == string(b)
}
