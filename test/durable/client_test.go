package durable

import (
	"context"
	"net"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"
)

const patience = 20 * time.Second

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// dial gives a call that is never answered an end: the socket is cut.
func dial(uri string) (*amqp.Connection, error) {
	var socket net.Conn
	c, err := amqp.DialConfig(uri, amqp.Config{Heartbeat: 60 * time.Second, Dial: func(network, addr string) (s net.Conn, err error) {
		socket, err = net.DialTimeout(network, addr, patience)
		return socket, err
	}})
	if err == nil {
		cut := time.AfterFunc(90*time.Second, func() { socket.Close() })
		closed := c.NotifyClose(make(chan *amqp.Error, 1))
		go func() { <-closed; cut.Stop() }()
	}
	return c, err
}

func connect(t testing.TB, uri string) *amqp.Connection {
	t.Helper()
	c, err := dial(uri)
	must(t, err)
	t.Cleanup(func() { _ = c.CloseDeadline(time.Now().Add(time.Second)) })
	return c
}

func channelOn(t testing.TB, c *amqp.Connection) *amqp.Channel {
	t.Helper()
	ch, err := c.Channel()
	must(t, err)
	return ch
}

func mode(persistent bool) uint8 {
	if persistent {
		return amqp.Persistent
	}
	return amqp.Transient
}

// put publishes without a thought for the connection's end: the caller hears of it by the confirm.
func put(ch *amqp.Channel, exchange, key string, m id, persistent bool) (*amqp.DeferredConfirmation, error) {
	return ch.PublishWithDeferredConfirmWithContext(context.Background(), exchange, key, false, false,
		amqp.Publishing{DeliveryMode: mode(persistent), Body: body(m)})
}

// putSafe publishes one persistent message and waits for its confirm.
func putSafe(ch *amqp.Channel, b *book, exchange, key string, m id, to []string) error {
	b.published(m, true, to)
	dc, err := put(ch, exchange, key, m, true)
	if err != nil {
		return err
	}
	<-dc.Done()
	if !dc.Acked() {
		return amqp.ErrClosed
	}
	b.confirmed(m, to)
	return nil
}
