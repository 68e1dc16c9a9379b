package flow

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// of the consumers of such a queue one gets everything; when it goes the next one does, and basic.get is refused.
func TestQ17_OneActiveConsumerAtATime(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	q, err := ch.QueueDeclare(name(t, "q"), false, false, true, false, amqp.Table{"x-single-active-consumer": true})
	must(t, err)
	var deliveries [3]<-chan amqp.Delivery
	for i := range deliveries {
		deliveries[i], err = ch.Consume(q.Name, fmt.Sprint(i), true, false, false, false, nil)
		must(t, err)
	}
	for i := range deliveries {
		t.Run(fmt.Sprintf("Q-17 consumer %d", i), func(t *testing.T) {
			for n := range 10 {
				publish(t, ch, "", q.Name, fmt.Sprint(n))
				if d := next(t, deliveries[i], "delivery"); string(d.Body) != fmt.Sprint(n) {
					t.Fatalf("got %q, not %d", d.Body, n)
				}
			}
			must(t, ch.Cancel(fmt.Sprint(i), false))
		})
	}
	t.Run("Q-17 get", func(t *testing.T) {
		_, _, err := channelOn(t, c).Get(q.Name, true)
		refused(t, err, 405, fmt.Sprintf("RESOURCE_LOCKED - cannot obtain access to locked queue '%s' in vhost '/'. "+
			"basic.get operations are not supported by classic queues with single active consumer", q.Name))
	})
}
