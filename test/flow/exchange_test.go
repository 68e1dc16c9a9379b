package flow

import (
	"fmt"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"
)

// every vhost has them.
func TestX01_PredeclaredExchanges(t *testing.T) {
	ch := channel(t)
	for x, kind := range map[string]string{
		"amq.direct": "direct", "amq.fanout": "fanout", "amq.topic": "topic", "amq.headers": "headers", "amq.match": "headers",
	} {
		t.Run("X-01 "+x, func(t *testing.T) { must(t, ch.ExchangeDeclare(x, kind, true, false, false, false, nil)) })
	}
	must(t, ch.ExchangeDeclare("amq.rabbitmq.trace", "topic", true, false, true, false, nil))
	e := closes(t, ch, func() { publish(t, ch, "amq.rabbitmq.trace", "k", "x") })
	if e.Code != 403 || e.Reason != "ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace' in vhost '/'" {
		t.Fatalf("got %d %s", e.Code, e.Reason)
	}
}

// the default exchange routes by queue name, and cannot be touched.
func TestX02_DefaultExchange(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	q := queue(t, ch, "q")
	publish(t, ch, "", q, "1")
	if got := get(t, ch, q); got != "1" {
		t.Fatal(got)
	}
	const text = "ACCESS_REFUSED - operation not permitted on the default exchange"
	for what, do := range map[string]func(*amqp.Channel) error{
		"declare": func(ch *amqp.Channel) error { return ch.ExchangeDeclare("", "direct", true, false, false, false, nil) },
		"delete":  func(ch *amqp.Channel) error { return ch.ExchangeDelete("", false, false) },
		"bind":    func(ch *amqp.Channel) error { return ch.QueueBind(q, "k", "", false, nil) },
		"unbind":  func(ch *amqp.Channel) error { return ch.QueueUnbind(q, q, "", nil) },
		"bind exchange": func(ch *amqp.Channel) error {
			return ch.ExchangeBind("", "k", "amq.direct", false, nil)
		},
	} {
		t.Run("X-02 "+what, func(t *testing.T) { refused(t, do(channelOn(t, c)), 403, text) })
	}
	alive(t, c)
}

// P-31: publishing to what is not there closes the channel, not the connection.
func TestP31_PublishToAMissingExchange(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	missing := name(t, "missing")
	e := closes(t, ch, func() { publish(t, ch, missing, "k", "x") })
	if e.Code != 404 || e.Reason != fmt.Sprintf("NOT_FOUND - no exchange '%s' in vhost '/'", missing) {
		t.Fatalf("got %d %s", e.Code, e.Reason)
	}
	alive(t, c)
}

// routes publishes each key and returns which queues got it.
func routes(t testing.TB, ch *amqp.Channel, x, key string, headers amqp.Table, queues ...string) (got string) {
	t.Helper()
	must(t, ch.Publish(x, key, false, false, amqp.Publishing{Headers: headers, Body: []byte(key)}))
	for i, q := range queues {
		for range getAll(t, ch, q) {
			got += string(rune('a' + i))
		}
	}
	return got
}

// a direct exchange compares whole keys; X-04: a fanout none.
func TestX03_X04_DirectAndFanout(t *testing.T) {
	ch := channel(t)
	a, b := queue(t, ch, "a"), queue(t, ch, "b")
	x, f := exchange(t, "direct"), exchange(t, "fanout")
	bind(t, ch, a, "k", x, nil)
	bind(t, ch, b, "k.*", x, nil)
	bind(t, ch, b, "", x, nil)
	for key, want := range map[string]string{"k": "a", "k.*": "b", "k.1": "", "": "b", "K": "", "k ": ""} {
		if got := routes(t, ch, x, key, nil, a, b); got != want {
			t.Errorf("direct %q went to %q, not %q", key, got, want)
		}
	}
	bind(t, ch, a, "k", f, nil)
	bind(t, ch, b, "other", f, amqp.Table{"ignored": true})
	bind(t, ch, b, "again", f, nil)
	if got := routes(t, ch, f, "whatever", nil, a, b); got != "ab" {
		t.Errorf("fanout went to %q", got)
	}
}

// an unknown type is the channel's error.
func TestX12_UnknownType(t *testing.T) {
	modern(t, "503 on the connection")
	c := connect(t)
	err := channelOn(t, c).ExchangeDeclare(name(t, "x"), "burrow", false, false, false, false, nil)
	refused(t, err, 406, "PRECONDITION_FAILED - unknown exchange type 'burrow'")
	alive(t, c)
}

// if-unused looks at bindings from the exchange; a deletion takes bindings along.
func TestX16_Delete(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	must(t, ch.ExchangeDelete(name(t, "missing"), false, false))
	x, y := exchange(t, "direct"), exchange(t, "fanout")
	q := queue(t, ch, "q")
	must(t, ch.ExchangeBind(x, "", y, false, nil))
	bind(t, ch, q, "k", x, nil)
	err := channelOn(t, c).ExchangeDelete(x, true, false)
	refused(t, err, 406, fmt.Sprintf("PRECONDITION_FAILED - exchange '%s' in vhost '/' in use", x))
	must(t, ch.QueueUnbind(q, "k", x, nil))
	must(t, ch.ExchangeDelete(x, true, false)) // bound to y as a destination only
	must(t, ch.ExchangeDeclare(x, "direct", false, false, false, false, nil))
	bind(t, ch, q, "k", x, nil)
	if got := routes(t, ch, y, "k", nil, q); got != "" {
		t.Fatal("the binding survived its exchange")
	}
	must(t, ch.ExchangeDelete(x, false, false))
	if got := func() string { return routes(t, ch, y, "k", nil, q) }(); got != "" {
		t.Fatal("routed through a deleted exchange")
	}
	alive(t, c)
}

// exchanges bound in a circle, and twice to one queue: one copy each.
func TestX18_ExchangeToExchange(t *testing.T) {
	ch := channel(t)
	x, y, z := exchange(t, "topic"), exchange(t, "fanout"), exchange(t, "direct")
	a, b := queue(t, ch, "a"), queue(t, ch, "b")
	must(t, ch.ExchangeBind(y, "go.#", x, false, nil))
	must(t, ch.ExchangeBind(z, "", y, false, nil))
	must(t, ch.ExchangeBind(x, "go.round", z, false, nil))
	bind(t, ch, a, "go.*", x, nil)
	bind(t, ch, a, "", y, nil)
	bind(t, ch, b, "go.round", z, nil)
	for key, want := range map[string]string{"go.round": "ab", "go.on": "a", "stay": ""} {
		if got := routes(t, ch, x, key, nil, a, b); got != want {
			t.Errorf("%s went to %q, not %q", key, got, want)
		}
	}
	must(t, ch.ExchangeUnbind(z, "", y, false, nil))
	if got := routes(t, ch, x, "go.round", nil, a, b); got != "a" {
		t.Errorf("after the unbind to %q", got)
	}
	must(t, ch.ExchangeUnbind(z, "", y, false, nil)) // idempotent
}

// a binding is its source, destination, key and arguments; a queue gets one copy whatever matches.
func TestX19_BindingIdentity(t *testing.T) {
	ch := channel(t)
	x := exchange(t, "topic")
	q := queue(t, ch, "q")
	bind(t, ch, q, "a.b", x, nil)
	bind(t, ch, q, "a.b", x, nil)
	bind(t, ch, q, "a.*", x, nil)
	bind(t, ch, q, "#", x, amqp.Table{"with": "arguments"})
	if got := routes(t, ch, x, "a.b", nil, q); got != "a" {
		t.Fatalf("%d copies", len(got))
	}
	must(t, ch.QueueUnbind(q, "a.b", x, nil)) // one unbind undoes both
	must(t, ch.QueueUnbind(q, "a.*", x, nil))
	must(t, ch.QueueUnbind(q, "#", x, nil)) // another binding: it has arguments
	if got := routes(t, ch, x, "a.b", nil, q); got != "a" {
		t.Fatalf("%d copies with one binding left", len(got))
	}
	must(t, ch.QueueUnbind(q, "#", x, amqp.Table{"with": "arguments"}))
	if got := routes(t, ch, x, "a.b", nil, q); got != "" {
		t.Fatalf("%d copies without a binding", len(got))
	}
}
