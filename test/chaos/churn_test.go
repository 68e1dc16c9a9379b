package chaos

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync/atomic"

	amqp "github.com/rabbitmq/amqp091-go"
)

// churn is a client that declares, binds, uses and deletes entities of its own all the time. Every method has one right answer.
type churn struct {
	run    *run
	name   string
	random *rand.Rand
	client *client

	rounds atomic.Int64
	doing  atomic.Value // string
	ended  atomic.Bool
}

func (r *run) churn(name string, random *rand.Rand) *churn {
	return &churn{run: r, name: name, random: random, client: r.connect(name)}
}

func (c *churn) loop(stop <-chan struct{}) {
	defer c.ended.Store(true)
	for n := 0; ; n++ {
		select {
		case <-stop:
			return
		case <-c.run.failed:
			return
		default:
		}
		var err error
		switch c.random.IntN(7) {
		case 0:
			err = c.step(c.bindings, n)
		case 1:
			err = c.step(c.gets, n)
		case 2:
			err = c.step(c.autoDelete, n)
		case 3:
			err = c.step(c.returns, n)
		case 4:
			err = c.step(c.abandons, n)
		case 5:
			err = c.step(c.refused, n)
		default:
			err = c.step(c.connection, n)
		}
		if err != nil {
			c.run.fault("%s: round %d: %s: %v", c.name, n, c.doing.Load(), err)
			return
		}
		c.rounds.Add(1)
	}
}

func (c *churn) do(what string) { c.doing.Store(what) }

// step opens a channel for one round and closes it.
func (c *churn) step(round func(*amqp.Channel, int) error, n int) error {
	c.do("channel.open")
	ch, err := c.client.Channel()
	if err != nil {
		return err
	}
	c.run.watch(c.client, "channel", ch.NotifyClose(make(chan *amqp.Error, 1)))
	if err := round(ch, n); err != nil {
		return err
	}
	c.do("channel.close")
	return ch.Close()
}

// bindings declares a queue and an exchange, publishes through it and takes everything away again.
func (c *churn) bindings(ch *amqp.Channel, n int) error {
	q, x := fmt.Sprintf("%s.q%d", c.name, n%3), fmt.Sprintf("%s.x%d", c.name, n%3)
	c.do("queue.declare")
	if d, err := ch.QueueDeclare(q, false, false, c.random.IntN(2) == 0, false, nil); err != nil || d.Name != q || d.Messages != 0 {
		return errors.Join(err, fmt.Errorf("declared %+v", d))
	}
	c.do("exchange.declare")
	if err := ch.ExchangeDeclare(x, "topic", false, false, false, false, nil); err != nil {
		return err
	}
	c.do("queue.bind")
	if err := ch.QueueBind(q, "a.*", x, false, nil); err != nil {
		return err
	}
	if err := ch.ExchangeBind(x, "churn."+c.name, topic, false, nil); err != nil {
		return err
	}
	const messages = 3
	for i := range messages {
		if err := ch.Publish(x, "a.b", false, false, amqp.Publishing{Body: fmt.Append(nil, i)}); err != nil {
			return err
		}
	}
	c.do("queue.unbind")
	if err := ch.QueueUnbind(q, "a.*", x, nil); err != nil {
		return err
	}
	if err := ch.Publish(x, "a.b", false, false, amqp.Publishing{}); err != nil { // goes nowhere now
		return err
	}
	c.do("queue.purge")
	if n%2 == 0 {
		if _, err := ch.QueuePurge(q, false); err != nil {
			return err
		}
	}
	c.do("exchange.delete")
	if err := ch.ExchangeDelete(x, false, false); err != nil {
		return err
	}
	c.do("passive declare")
	if d, err := ch.QueueDeclarePassive(q, false, false, false, false, nil); err != nil || d.Messages != messages*(n%2) {
		return errors.Join(err, fmt.Errorf("passive declare says %+v, round %d", d, n))
	}
	c.do("queue.delete")
	_, err := ch.QueueDelete(q, false, false, false)
	return err
}

// gets takes messages one by one, some to keep for a while, and asks once too often.
func (c *churn) gets(ch *amqp.Channel, n int) error {
	c.do("queue.declare")
	q, err := ch.QueueDeclare("", false, false, true, false, nil)
	if err != nil {
		return err
	}
	const messages = 4
	for i := range messages {
		if err := ch.Publish("", q.Name, false, false, amqp.Publishing{Body: fmt.Append(nil, i)}); err != nil {
			return err
		}
	}
	var kept []amqp.Delivery
	for i := range messages + 1 {
		c.do(fmt.Sprintf("basic.get %d", i))
		d, ok, err := ch.Get(q.Name, i == 1)
		switch {
		case err != nil:
			return err
		case ok != (i < messages):
			return fmt.Errorf("get %d: found %v", i, ok)
		case ok && (string(d.Body) != fmt.Sprint(i) || d.Redelivered):
			return fmt.Errorf("get %d: %q, redelivered %v", i, d.Body, d.Redelivered)
		case ok && i != 1:
			kept = append(kept, d)
		}
	}
	if err := kept[0].Ack(false); err != nil {
		return err
	}
	if err := kept[len(kept)-1].Nack(true, true); err != nil { // both that are left
		return err
	}
	c.do("passive declare")
	if d, err := ch.QueueDeclarePassive(q.Name, false, false, false, false, nil); err != nil || d.Messages != 2 {
		return errors.Join(err, fmt.Errorf("passive declare says %+v", d))
	}
	c.do("queue.delete")
	_, err = ch.QueueDelete(q.Name, false, false, false)
	return err
}

// autoDelete has a queue and an exchange go with their last user.
func (c *churn) autoDelete(ch *amqp.Channel, n int) error {
	q, x := fmt.Sprintf("%s.auto%d", c.name, n), fmt.Sprintf("%s.autox%d", c.name, n)
	c.do("queue.declare")
	if _, err := ch.QueueDeclare(q, false, true, false, false, nil); err != nil {
		return err
	}
	c.do("exchange.declare")
	if err := ch.ExchangeDeclare(x, "fanout", false, true, false, false, nil); err != nil {
		return err
	}
	c.do("queue.bind")
	if err := ch.QueueBind(q, "", x, false, nil); err != nil {
		return err
	}
	c.do("basic.consume")
	deliveries, err := ch.Consume(q, "auto", false, false, false, false, nil)
	if err != nil {
		return err
	}
	for i := range 3 {
		if err := ch.Publish(x, "", false, false, amqp.Publishing{Body: fmt.Append(nil, i)}); err != nil {
			return err
		}
	}
	for i := range 3 {
		c.do(fmt.Sprintf("delivery %d", i))
		select {
		case d := <-deliveries:
			if string(d.Body) != fmt.Sprint(i) {
				return fmt.Errorf("delivery %d: %q", i, d.Body)
			}
			if err := d.Ack(false); err != nil {
				return err
			}
		case <-c.run.failed:
			return nil
		}
	}
	c.do("basic.cancel")
	return ch.Cancel("auto", false)
}

// returns publishes to nowhere: every message comes back once, before its confirm.
func (c *churn) returns(ch *amqp.Channel, n int) error {
	c.do("confirm.select")
	if err := ch.Confirm(false); err != nil {
		return err
	}
	returned := ch.NotifyReturn(make(chan amqp.Return, 10))
	confirmed := ch.NotifyPublish(make(chan amqp.Confirmation, 10))
	for i := range 3 {
		if err := ch.Publish(direct, "nowhere", true, false, amqp.Publishing{Body: fmt.Append(nil, i)}); err != nil {
			return err
		}
	}
	for i := range 3 {
		c.do(fmt.Sprintf("confirm %d", i))
		select {
		case <-c.run.failed:
			return nil
		case <-confirmed:
		}
		select {
		case m := <-returned:
			if string(m.Body) != fmt.Sprint(i) {
				return fmt.Errorf("return %d is of %q", i, m.Body)
			}
		default:
			return fmt.Errorf("confirm %d without a return", i)
		}
	}
	if len(returned) > 0 {
		return errors.New("a message was returned twice")
	}
	return nil
}

// abandons closes a channel with deliveries that are not acknowledged: they wait again, as redelivered.
func (c *churn) abandons(ch *amqp.Channel, n int) error {
	q := fmt.Sprintf("%s.abandoned%d", c.name, n%3)
	c.do("queue.declare")
	if _, err := ch.QueueDeclare(q, false, false, false, false, nil); err != nil {
		return err
	}
	c.do("second channel")
	other, err := c.client.Channel()
	if err != nil {
		return err
	}
	deliveries, err := other.Consume(q, "", false, false, false, false, nil)
	if err != nil {
		return err
	}
	const messages = 4
	for i := range messages {
		if err := ch.Publish("", q, false, false, amqp.Publishing{Body: fmt.Append(nil, i)}); err != nil {
			return err
		}
	}
	for i := range messages {
		c.do(fmt.Sprintf("delivery %d", i))
		select {
		case d := <-deliveries:
			if string(d.Body) != fmt.Sprint(i) || d.Redelivered {
				return fmt.Errorf("delivery %d: %q, redelivered: %v", i, d.Body, d.Redelivered)
			}
		case <-c.run.failed:
			return nil
		}
	}
	c.do("second channel.close")
	if err := other.Close(); err != nil {
		return err
	}
	for i := range messages {
		c.do(fmt.Sprintf("basic.get %d", i))
		d, ok, err := ch.Get(q, true)
		if err != nil || !ok || string(d.Body) != fmt.Sprint(i) || !d.Redelivered {
			return errors.Join(err, fmt.Errorf("get %d: found %v, %q, redelivered %v", i, ok, d.Body, d.Redelivered))
		}
	}
	c.do("queue.delete")
	_, err = ch.QueueDelete(q, false, false, false)
	return err
}

// refused has a channel closed by an exception, once, and opens its number again.
func (c *churn) refused(_ *amqp.Channel, n int) error {
	c.do("channel for an exception")
	ch, err := c.client.Channel()
	if err != nil {
		return err
	}
	c.do("passive declare of nothing")
	_, err = ch.QueueDeclarePassive(c.name+".nothing", false, false, false, false, nil)
	var e *amqp.Error
	if !errors.As(err, &e) || e.Code != amqp.NotFound {
		return fmt.Errorf("expected 404, got %w", err)
	}
	return nil
}

// connection opens a connection with an exclusive queue and closes it again: its name is free at once.
func (c *churn) connection(_ *amqp.Channel, n int) error {
	c.do("connection.open")
	client, err := c.run.dial(c.name + " side")
	if err != nil {
		return err
	}
	ch, err := client.Channel()
	if err != nil {
		return err
	}
	c.do("exclusive queue.declare")
	if _, err := ch.QueueDeclare(c.name+".exclusive", false, false, true, false, nil); err != nil {
		return err
	}
	c.do("basic.consume")
	if _, err := ch.Consume(c.name+".exclusive", "", true, true, false, false, nil); err != nil {
		return err
	}
	if err := ch.Publish("", c.name+".exclusive", false, false, amqp.Publishing{}); err != nil {
		return err
	}
	c.do("connection.close")
	return client.close()
}

func unfinished(churns []*churn) string {
	var left []string
	for _, c := range churns {
		if !c.ended.Load() {
			left = append(left, fmt.Sprintf("%s: %s after %d rounds", c.name, c.doing.Load(), c.rounds.Load()))
		}
	}
	return strings.Join(left, "; ")
}
