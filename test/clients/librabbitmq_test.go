package clients

import (
	"strings"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
)

// P-30, P-53: librabbitmq's tools do one thing each: declare, publish, get, consume, delete.
func TestLibrabbitmq(t *testing.T) {
	host, port := address(t)
	tool := func(name string, args ...string) string {
		t.Helper()
		return run(t, name, append([]string{"--server", host, "--port", port}, args...)...)
	}
	const queue = "clients-librabbitmq"
	if got := tool("amqp-declare-queue", "--queue", queue); strings.TrimSpace(got) != queue {
		t.Fatalf("declared %q", got)
	}
	c, ch := dial(t)
	defer c.Close()
	if err := ch.QueueBind(queue, "k", "amq.direct", false, nil); err != nil {
		t.Fatal(err)
	}
	for _, body := range []string{"1", "2", "3", "4"} {
		tool("amqp-publish", "--exchange", "amq.direct", "--routing-key", "k", "--content-type", "text/plain", "--persistent", "--body", body)
	}
	if got := tool("amqp-get", "--queue", queue); got != "1" {
		t.Fatalf("get printed %q", got)
	}
	// amqp-consume acks when the command it gives the body to succeeds.
	if got := tool("amqp-consume", "--queue", queue, "--count", "2", "cat"); got != "23" {
		t.Fatalf("consume printed %q", got)
	}
	d, ok, err := ch.Get(queue, true)
	if err != nil || !ok || string(d.Body) != "4" || d.ContentType != "text/plain" || d.DeliveryMode != amqp.Persistent {
		t.Fatalf("left: %v %v %+v", ok, err, d)
	}
	tool("amqp-publish", "--routing-key", queue, "--body", "5")
	if got := tool("amqp-delete-queue", "--queue", queue); strings.TrimSpace(got) != "1" {
		t.Fatalf("deleted with %q messages", got)
	}
}

func dial(t *testing.T) (*amqp.Connection, *amqp.Channel) {
	t.Helper()
	c, err := amqp.Dial(broker.Shared(t).URI())
	if err != nil {
		t.Fatal(err)
	}
	ch, err := c.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return c, ch
}
