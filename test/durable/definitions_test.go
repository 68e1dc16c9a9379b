package durable

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// definitions is what there must be and must not be: by what an entity is called in here, whether the broker has said so.
type definitions struct {
	mu sync.Mutex
	is map[string]answer
}

type answer uint8

const (
	unknown answer = iota // asked, not answered
	there
	notThere
)

func newDefinitions() *definitions { return &definitions{is: map[string]answer{}} }

func (d *definitions) set(what string, a answer) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.is[what] = a
}

// definers have names of their own, so each knows what the others cannot have done.
const definers = 2

func queueOf(i, n int) string    { return fmt.Sprintf("d%d.q%d", i, n) }
func exchangeOf(i, n int) string { return fmt.Sprintf("d%d.x%d", i, n) }
func bindingOf(x, q, key string) string {
	return fmt.Sprintf("binding %s>%s/%s", x, q, key)
}

func (d *definitions) churn(l *load, ch *amqp.Channel, r *rand.Rand, i int) error {
	other, err := dial(l.b.URI()) // exclusive queues end with it
	if err != nil {
		return err
	}
	defer other.Close()
	exclusive, err := other.Channel()
	if err != nil {
		return err
	}
	for !l.stopped() {
		q, x, key := queueOf(i, r.IntN(6)), exchangeOf(i, r.IntN(3)), fmt.Sprintf("k%d", r.IntN(2))
		switch r.IntN(8) {
		case 0, 1:
			err = d.declareQueue(ch, q)
		case 2:
			err = d.declareExchange(ch, x)
		case 3, 4:
			if err = d.declareQueue(ch, q); err == nil {
				if err = d.declareExchange(ch, x); err == nil {
					d.set(bindingOf(x, q, key), unknown)
					if err = ch.QueueBind(q, key, x, false, nil); err == nil {
						d.set(bindingOf(x, q, key), there)
					}
				}
			}
		case 5:
			if d.known("queue "+q) == there && d.known("exchange "+x) == there {
				d.set(bindingOf(x, q, key), unknown)
				if err = ch.QueueUnbind(q, key, x, nil); err == nil {
					d.set(bindingOf(x, q, key), notThere)
				}
			}
		case 6:
			if r.IntN(2) == 0 {
				bindings := d.unsure(">" + q + "/")
				d.set("queue "+q, unknown)
				if _, err = ch.QueueDelete(q, false, false, false); err == nil {
					d.settle("queue "+q, bindings)
				}
			} else {
				bindings := d.unsure("binding " + x + ">")
				d.set("exchange "+x, unknown)
				if err = ch.ExchangeDelete(x, false, false); err == nil {
					d.settle("exchange "+x, bindings)
				}
			}
		case 7: // what must not outlive this
			if _, err = ch.QueueDeclare(fmt.Sprintf("transient%d.%d", i, r.IntN(10)), false, false, false, false, nil); err == nil {
				n := r.IntN(10)
				name := fmt.Sprintf("exclusive%d.%d", i, n)
				if _, err = exclusive.QueueDeclare(name, n%2 == 0, false, true, false, nil); err == nil {
					if err = exclusive.QueueBind(name, "a.*", topic, false, nil); err == nil && r.IntN(4) == 0 {
						_, err = exclusive.QueueDelete(name, false, false, false)
					}
				}
			}
			if err == nil {
				err = ch.ExchangeDeclare(fmt.Sprintf("transientx%d", i), "fanout", false, false, false, false, nil)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (d *definitions) known(what string) answer {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.is[what]
}

func (d *definitions) declareQueue(ch *amqp.Channel, q string) error {
	if d.known("queue "+q) != there {
		d.set("queue "+q, unknown)
	}
	_, err := ch.QueueDeclare(q, true, false, false, false, nil)
	if err == nil {
		d.set("queue "+q, there)
	}
	return err
}

func (d *definitions) declareExchange(ch *amqp.Channel, x string) error {
	if d.known("exchange "+x) != there {
		d.set("exchange "+x, unknown)
	}
	err := ch.ExchangeDeclare(x, "direct", true, false, false, false, nil)
	if err == nil {
		d.set("exchange "+x, there)
	}
	return err
}

// unsure: bindings whose end is being deleted.
func (d *definitions) unsure(part string) (bindings []string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for what, a := range d.is {
		if strings.HasPrefix(what, "binding ") && strings.Contains(what, part) && a != notThere {
			d.is[what] = unknown
			bindings = append(bindings, what)
		}
	}
	return bindings
}

func (d *definitions) settle(what string, bindings []string) {
	d.set(what, notThere)
	for _, b := range bindings {
		d.set(b, notThere)
	}
}

type (
	queueRow struct {
		Name    string `json:"name"`
		Durable bool   `json:"durable"`
	}
	exchangeRow struct {
		Name    string `json:"name"`
		Durable bool   `json:"durable"`
	}
	bindingRow struct {
		Source      string `json:"source_name"`
		Destination string `json:"destination_name"`
		Key         string `json:"routing_key"`
	}
)

// check compares what a broker has after its start with what it said, and takes what it has for what is.
func (d *definitions) check(t *testing.T, b *broker.Broker, k *book) []queueRow {
	t.Helper()
	is := map[string]bool{}
	queues := broker.Rows[queueRow](t, b, "list_queues", "name", "durable")
	for _, q := range queues {
		if !q.Durable || strings.HasPrefix(q.Name, "transient") || strings.HasPrefix(q.Name, "exclusive") {
			k.Fault("queue %s outlived its broker (durable %v)", q.Name, q.Durable)
		}
		is["queue "+q.Name] = true
	}
	exchanges := map[string]bool{}
	for _, x := range broker.Rows[exchangeRow](t, b, "list_exchanges", "name", "durable") {
		if !x.Durable {
			k.Fault("exchange %s is transient and outlived its broker", x.Name)
		}
		exchanges[x.Name] = true
		is["exchange "+x.Name] = true
	}
	for _, e := range broker.Rows[bindingRow](t, b, "list_bindings", "source_name", "destination_name", "routing_key") {
		if e.Source == "" {
			continue
		}
		if !is["queue "+e.Destination] || !exchanges[e.Source] {
			k.Fault("half a binding: from %s to %s, key %s", e.Source, e.Destination, e.Key)
		}
		is[bindingOf(e.Source, e.Destination, e.Key)] = true
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for what, a := range d.is {
		if a == there && !is[what] {
			k.Fault("%s was declared, and is not there", what)
		}
		if a == notThere && is[what] {
			k.Fault("%s was deleted, and is there", what)
		}
		d.is[what] = notThere
		if is[what] {
			d.is[what] = there
		}
	}
	for _, q := range allQueues() {
		if !is["queue "+q] {
			k.Fault("queue %s is not there", q)
		}
	}
	for _, want := range []string{bindingOf(topic, "t.all", "#"), bindingOf(topic, "t.a", "a.*"), bindingOf(topic, "t.b", "b.#")} {
		if !is[want] {
			k.Fault("%s is not there", want)
		}
	}
	if n := len(exchanges); n < 8 {
		k.Fault("%d exchanges", n)
	}
	return queues
}
