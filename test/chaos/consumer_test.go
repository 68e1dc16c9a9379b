package chaos

import (
	"fmt"
	"math/rand/v2"

	amqp "github.com/rabbitmq/amqp091-go"
)

// consumer settles what it gets in the way of its kind.
type consumer struct {
	consumes
	run        *run
	queue, tag string
	channel    *amqp.Channel
	deliveries <-chan amqp.Delivery
	tagged     uint64          // newest delivery tag
	last       map[string]int  // by stream, of those that were never redelivered
	unacked    []amqp.Delivery // with multiple
}

type consumes struct {
	prefetch int
	noAck    bool
	multiple bool    // acks many at once
	requeue  float64 // share that is nacked or rejected with requeue
	reject   float64 // share that is rejected, and comes back by way of a dead letter exchange
	dead     bool    // gets dead letters of another queue, each with one death
	random   *rand.Rand
}

func (r *run) consumer(queue string, how consumes) *consumer {
	c := &consumer{consumes: how, run: r, queue: queue, tag: fmt.Sprintf("%s.%d", queue, how.prefetch), last: map[string]int{}}
	c.channel = r.channel(r.connect("consumer of " + queue))
	r.must(c.channel.Qos(how.prefetch, 0, false))
	var err error
	c.deliveries, err = c.channel.Consume(queue, c.tag, how.noAck, false, false, false, nil)
	r.must(err)
	r.consumers = append(r.consumers, c)
	return c
}

func (c *consumer) loop() {
	for d := range c.deliveries {
		if err := c.take(d); err != nil {
			select {
			case <-c.run.ending:
			default:
				c.run.fault("consumer of %s: %v", c.queue, err)
			}
			return
		}
	}
}

func (c *consumer) take(d amqp.Delivery) error {
	stream, n, ok := readBody(d.Body)
	if !ok {
		c.run.fault("%s delivered %.100q", c.queue, d.Body)
		return nil
	}
	if d.DeliveryTag != c.tagged+1 {
		c.run.fault("%s: delivery tag %d behind %d", c.queue, d.DeliveryTag, c.tagged)
	}
	c.tagged = d.DeliveryTag
	rejections := deaths(d, c.queue)
	if c.dead && deaths(d, "") != 1 {
		c.run.fault("%s delivered %s %d with x-death %v", c.queue, stream, n, d.Headers["x-death"])
	}
	if !d.Redelivered && rejections == 0 {
		if last, before := c.last[stream]; before && n <= last {
			c.run.fault("%s delivered %s %d behind %d", c.queue, stream, n, last)
		}
		c.last[stream] = n
	}
	again := !c.noAck && c.random.Float64() < c.requeue
	dies := c.random.Float64() < c.reject
	if rejections > 0 {
		c.run.tally.died(c.queue, stream, n, rejections)
	}
	c.run.tally.deliver(c.queue, stream, n, d.Redelivered || rejections > 0, again || dies)
	switch {
	case c.noAck:
		return nil
	case dies:
		return d.Reject(false)
	case again && c.random.IntN(2) == 0:
		return d.Nack(false, true)
	case again:
		return d.Reject(true)
	case c.multiple:
		c.unacked = append(c.unacked, d)
		if len(c.unacked) < 7 && len(c.deliveries) > 0 {
			return nil
		}
		c.unacked = c.unacked[:0]
		return d.Ack(true)
	}
	return d.Ack(false)
}

// deaths is how often a message died in a queue, or with no name in any, as its x-death header says.
func deaths(d amqp.Delivery, queue string) (n int) {
	list, _ := d.Headers["x-death"].([]any)
	for _, v := range list {
		if death, _ := v.(amqp.Table); queue == "" || death["queue"] == queue {
			count, _ := death["count"].(int64)
			n += int(count)
		}
	}
	return n
}
