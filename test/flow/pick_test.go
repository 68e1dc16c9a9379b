package flow

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// plugin skips what another broker has not enabled.
func plugin(t *testing.T, kind string) {
	t.Helper()
	ch := channel(t)
	x := name(t, "probe")
	if err := ch.ExchangeDeclare(x, kind, false, true, false, false, nil); err != nil {
		if !isModern(t) {
			t.Skipf("the broker has no %s", kind)
		}
		t.Fatal(err)
	}
	must(t, ch.ExchangeDelete(x, false, false))
}

// spreadOver publishes n messages and returns how many each of the queues got of them, and where each key went.
func spreadOver(t *testing.T, ch *amqp.Channel, x string, n int, message func(i int) (key string, p amqp.Publishing), queues []string) (counts []int, went map[string]int) {
	t.Helper()
	confirms := make([]*amqp.DeferredConfirmation, n)
	for i := range n {
		key, p := message(i)
		p.Body = []byte(fmt.Sprint(i))
		var err error
		confirms[i], err = ch.PublishWithDeferredConfirm(x, key, true, false, p)
		must(t, err)
	}
	for _, c := range confirms {
		c.Wait()
	}
	counts, went = make([]int, len(queues)), map[string]int{}
	for i, q := range queues {
		for _, body := range getAll(t, ch, q) {
			counts[i]++
			if _, twice := went[body]; twice {
				t.Errorf("message %s is in two queues", body)
			}
			went[body] = i
		}
	}
	return counts, went
}

func chiSquare(counts []int, shares []float64) (sum float64) {
	n, total := 0, 0.0
	for i := range counts {
		n, total = n+counts[i], total+shares[i]
	}
	for i, c := range counts {
		want := float64(n) * shares[i] / total
		sum += (float64(c) - want) * (float64(c) - want) / want
	}
	return sum
}

// each message goes to one of the queues, and each queue gets its share. Chi square with three degrees of freedom exceeds
// 21.1 once in ten thousand runs.
func TestX07_X10_OneOfMany(t *testing.T) {
	keyed := func(i int) (string, amqp.Publishing) { return fmt.Sprint("key.", i), amqp.Publishing{} }
	for _, row := range []struct {
		what, kind string
		args       amqp.Table
		keys       [4]string
		shares     []float64
		message    func(i int) (string, amqp.Publishing)
	}{
		{"X-07 x-local-random", "x-local-random", nil, [4]string{}, []float64{1, 1, 1, 1}, keyed},
		{"X-08 x-modulus-hash", "x-modulus-hash", nil, [4]string{"a", "", "b", ""}, []float64{1, 1, 1, 1}, keyed},
		{"X-09 x-consistent-hash on the routing key", "x-consistent-hash", nil, [4]string{"1", "1", "1", "1"}, []float64{1, 1, 1, 1}, keyed},
		{"X-09 x-consistent-hash with weights", "x-consistent-hash", nil, [4]string{"1", "2", "3", "10"}, []float64{1, 2, 3, 10}, keyed},
		{"X-09 x-consistent-hash on a header", "x-consistent-hash", amqp.Table{"hash-header": "h"}, [4]string{"1", "1", "1", "1"}, []float64{1, 1, 1, 1},
			func(i int) (string, amqp.Publishing) { return "k", amqp.Publishing{Headers: amqp.Table{"h": int32(i)}} }},
		{"X-09 x-consistent-hash on message_id", "x-consistent-hash", amqp.Table{"hash-property": "message_id"}, [4]string{"1", "1", "1", "1"}, []float64{1, 1, 1, 1},
			func(i int) (string, amqp.Publishing) { return "k", amqp.Publishing{MessageId: fmt.Sprint(i)} }},
		{"X-10 x-random", "x-random", nil, [4]string{"a", "", "b", ""}, []float64{1, 1, 1, 1}, keyed},
	} {
		t.Run(row.what, func(t *testing.T) {
			plugin(t, row.kind)
			ch := channel(t)
			must(t, ch.Confirm(false))
			x := exchangeWith(t, row.kind, row.args)
			var queues []string
			if !mandatory(t, ch, x, "nothing", nil) { // P-33 with every type
				t.Error("P-33: not returned")
			}
			for i, key := range row.keys {
				q := queue(t, ch, fmt.Sprint(i))
				queues = append(queues, q)
				bind(t, ch, q, key, x, nil)
				if row.kind != "x-local-random" && row.kind != "x-consistent-hash" {
					bind(t, ch, q, key+"again", x, nil) // counts once
				}
			}
			const n = 2000
			counts, went := spreadOver(t, ch, x, n, row.message, queues)
			if len(went) != n {
				t.Errorf("%d of %d messages arrived", len(went), n)
			}
			if c := chiSquare(counts, row.shares); c > 21.1 {
				t.Errorf("chi square %.1f: %v", c, counts)
			}
			if row.kind == "x-random" || row.kind == "x-local-random" {
				return
			}
			_, again := spreadOver(t, ch, x, n, row.message, queues)
			for body, i := range went {
				if again[body] != i {
					t.Fatalf("message %s went to %d, and then to %d", body, i, again[body])
				}
			}
		})
	}
}

// adding a queue moves its share of the keys to it, and taking one out moves its own.
func TestX09_Stability(t *testing.T) {
	t.Run("X-09 a queue that comes and goes", func(t *testing.T) {
		plugin(t, "x-consistent-hash")
		modern(t, "keys move between queues that stay")
		ch := channel(t)
		must(t, ch.Confirm(false))
		x := exchange(t, "x-consistent-hash")
		var queues []string
		for i := range 5 {
			queues = append(queues, queue(t, ch, fmt.Sprint(i)))
		}
		for _, q := range queues[:4] {
			bind(t, ch, q, "2", x, nil)
		}
		keyed := func(i int) (string, amqp.Publishing) { return fmt.Sprint("key.", i), amqp.Publishing{} }
		const n = 2000
		_, before := spreadOver(t, ch, x, n, keyed, queues)
		bind(t, ch, queues[4], "2", x, nil)
		_, with := spreadOver(t, ch, x, n, keyed, queues)
		moved := 0
		for body, i := range before {
			if with[body] != i {
				moved++
				if with[body] != 4 {
					t.Fatalf("message %s moved from %d to %d", body, i, with[body])
				}
			}
		}
		if moved < n/5-n/20 || moved > n/5+n/20 {
			t.Errorf("%d of %d keys moved, a fifth should", moved, n)
		}
		must(t, ch.QueueUnbind(queues[4], "2", x, nil))
		_, after := spreadOver(t, ch, x, n, keyed, queues)
		for body, i := range before {
			if after[body] != i {
				t.Fatalf("message %s was in %d, and is in %d", body, i, after[body])
			}
		}
	})
}

// what these types refuse.
func TestX07_X09_Refused(t *testing.T) {
	modern(t, "other texts")
	c := connect(t)
	q := queue(t, channelOn(t, c), "q")
	hash, local := exchange(t, "x-consistent-hash"), exchange(t, "x-local-random")
	declare := func(args amqp.Table) func(*amqp.Channel) error {
		return func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare(name(t, "x"), "x-consistent-hash", false, true, false, false, args)
		}
	}
	for _, row := range []struct {
		what string
		do   func(*amqp.Channel) error
		text string
	}{
		{"X-09 header and property", declare(amqp.Table{"hash-header": "h", "hash-property": "message_id"}), "hash-header and hash-property are mutually exclusive"},
		{"X-09 another property", declare(amqp.Table{"hash-property": "priority"}), "Unsupported property: priority"},
		{"X-09 key that is no number", bindQueue(q, "k", hash), `The binding key must be an integer: <<"k">>`},
		{"X-09 no key", bindQueue(q, "", hash), `The binding key must be an integer: <<>>`},
		{"X-09 weight 0", bindQueue(q, "0", hash), "The binding key must be greater than 0"},
		{"X-09 weight below 0", bindQueue(q, "-1", hash), "The binding key must be greater than 0"},
		{"X-07 key", bindQueue(q, "k", local), "Non empty binding 'k' key not permitted"},
		{"X-07 exchange", func(ch *amqp.Channel) error { return ch.ExchangeBind(hash, "", local, false, nil) }, "Destination not found"},
	} {
		t.Run(row.what, func(t *testing.T) {
			refused(t, row.do(channelOn(t, c)), 406, "PRECONDITION_FAILED - "+row.text)
		})
	}
	alive(t, c)
}

// P-33, P-35: what no queue is reached by is returned if it is mandatory, and confirmed in any case; whatever the type.
func TestP33_P35_EveryType(t *testing.T) {
	for kind, key := range map[string]string{
		"direct": "1", "fanout": "1", "topic": "1", "headers": "1", "x-random": "1", "x-local-random": "", "x-modulus-hash": "1", "x-consistent-hash": "1",
	} {
		t.Run("P-33 "+kind, func(t *testing.T) {
			plugin(t, kind)
			ch := channel(t)
			must(t, ch.Confirm(false))
			x := exchange(t, kind)
			if !mandatory(t, ch, x, "1", nil) {
				t.Error("nothing bound: not returned")
			}
			q := queue(t, ch, "q")
			bind(t, ch, q, key, x, nil)
			if mandatory(t, ch, x, "1", nil) || get(t, ch, q) != "1" {
				t.Error("bound: returned")
			}
			must(t, ch.QueueUnbind(q, key, x, nil))
			if !mandatory(t, ch, x, "1", nil) {
				t.Error("not bound any more: not returned")
			}
		})
		t.Run("P-35 "+kind, func(t *testing.T) {
			plugin(t, kind)
			ch := channel(t)
			confirms := confirming(t, ch, 10)
			x := exchange(t, kind)
			for range 10 {
				publish(t, ch, x, "1", "dropped")
			}
			acked(t, confirms, 10)
		})
	}
}
