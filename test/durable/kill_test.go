package durable

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// rounds is how often the broker is ended: WARREN_KILL_ROUNDS, or what the test says.
func rounds(t *testing.T, usual int) int {
	t.Helper()
	if testing.Short() {
		usual = min(usual, 2)
	}
	if s := os.Getenv("WARREN_KILL_ROUNDS"); s != "" {
		n, err := strconv.Atoi(s)
		must(t, err)
		return n
	}
	return usual
}

// source of randomness: WARREN_SEED, or the clock.
func source(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv("WARREN_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		must(t, err)
		seed = n
	}
	t.Logf("WARREN_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}

// D-01, D-02, D-03, D-07, X-20, K-33 (issue 3): kill -9 at a random moment loses nothing that was confirmed, brings nothing back that was
// settled for good, and keeps order and definitions.
func TestKill(t *testing.T) {
	t.Parallel()
	endings(t, rounds(t, 10), (*broker.Broker).Kill, nil)
}

// D-12: an orderly end keeps no less.
func TestStop(t *testing.T) {
	t.Parallel()
	endings(t, rounds(t, 4), (*broker.Broker).Stop, nil, broker.Set("paging.queue_resident_limit", "2KiB"))
}

// endings is rounds of load, end and inventory. during may do something while the load is on.
func endings(t *testing.T, n int, end func(*broker.Broker, testing.TB), during func(*testing.T, *broker.Broker, *rand.Rand, <-chan struct{}), opts ...broker.Option) {
	random := source(t)
	k, d := newBook(), newDefinitions()
	b := broker.Start(t, opts...)
	prepare(t, b)
	for round := range n {
		l := startLoad(b, k, d, random)
		moment := time.Duration(50+random.IntN(900)) * time.Millisecond
		over := make(chan struct{})
		timer := time.AfterFunc(moment, func() { close(over) })
		if during != nil {
			during(t, b, random, over)
		}
		<-over
		timer.Stop()
		l.end()
		end(b, t)
		l.wait()
		begin := time.Now()
		for {
			k.restarted()
			b = b.Restart(t)
			if random.IntN(6) > 0 {
				break
			}
			b.Kill(t) // right after its start
		}
		t.Logf("round %d: ended after %v, back after %v", round, moment, time.Since(begin).Round(time.Millisecond))
		inventory(t, b, k, d, random)
		if len(k.faults) > 0 {
			for _, f := range k.faults {
				t.Error(f)
			}
			keep(t, b)
			t.FailNow()
		}
	}
	t.Logf("%d rounds: %v", n, k.counts)
}

// keep says where the data of a failure is.
func keep(t *testing.T, b *broker.Broker) {
	t.Helper()
	b.Kill(t)
	dir, err := os.MkdirTemp("", "warren-fault-")
	must(t, err)
	must(t, os.CopyFS(dir, os.DirFS(filepath.Join(b.DataDir, "journal"))))
	t.Logf("the data is kept in %s", dir)
}

// inventory looks at everything there is, and settles some of it.
func inventory(t *testing.T, b *broker.Broker, k *book, d *definitions, random *rand.Rand) {
	t.Helper()
	queues := d.check(t, b, k)
	c := connect(t, b.URI())
	defer c.Close()
	for _, q := range append(allQueues(), solos(queues)...) {
		ch := channelOn(t, c)
		content := drain(t, ch, k, q, random)
		k.inventory(q, content, q == noAck) // what is not there may have been on its way to a consumer with no_ack
	}
}

// drain takes everything there is, acks some of it, and gives the rest back.
func drain(t *testing.T, ch *amqp.Channel, k *book, queue string, random *rand.Rand) []id {
	t.Helper()
	state, err := ch.QueueDeclarePassive(queue, true, false, false, false, nil)
	if err != nil {
		k.Fault("queue %s: %v", queue, err)
		return nil
	}
	if state.Messages == 0 {
		must(t, ch.Close())
		return nil
	}
	deliveries, err := ch.Consume(queue, "", false, false, false, false, nil)
	must(t, err)
	var content, settled []id
	share := random.IntN(101)
	for range state.Messages {
		var d amqp.Delivery
		select {
		case d = <-deliveries:
		case <-time.After(patience):
			t.Fatalf("%s said it has %d messages, and gave %d", queue, state.Messages, len(content))
		}
		m, ok := k.delivered(queue, &d)
		if !ok {
			continue
		}
		content = append(content, m)
		if random.IntN(100) < share {
			k.settling(queue, m)
			settled = append(settled, m)
			must(t, d.Ack(false))
		}
	}
	must(t, ch.Close())
	k.promised(queue, content, settled) // DESIGN 6: settlements are on disk before channel.close-ok
	return content
}
