package vhost

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	eventv1 "warren/proto/event/v1"
	"warren/protocol"
)

// world is definitions with what a test put there.
type world struct {
	*Definitions
	t *testing.T
}

func newWorld(t *testing.T) *world {
	d := newDefinitions()
	d.Apply(&eventv1.DefinitionBatch{Definitions: predeclared()})
	return &world{d, t}
}

// do applies a decision that must not be refused.
func (w *world) do(d decision) []string {
	w.t.Helper()
	if d.err != nil {
		w.t.Fatal(d.err)
	}
	w.Apply(&eventv1.DefinitionBatch{Definitions: d.events})
	return told(d.events)
}

// told are events as short lines, in one order.
func told(events []*eventv1.Definition) []string {
	out := []string{}
	for _, def := range events {
		switch e := def.Event.(type) {
		case *eventv1.Definition_ExchangeDeclared:
			out = append(out, "+"+e.ExchangeDeclared.Name)
		case *eventv1.Definition_ExchangeDeleted:
			out = append(out, "-"+e.ExchangeDeleted.Name)
		case *eventv1.Definition_QueueDeclared:
			out = append(out, "+"+e.QueueDeclared.Name)
		case *eventv1.Definition_QueueDeleted:
			out = append(out, "-"+e.QueueDeleted.Name)
		case *eventv1.Definition_Bound:
			out = append(out, "+"+e.Bound.Source+">"+e.Bound.Destination)
		case *eventv1.Definition_Unbound:
			out = append(out, "-"+e.Unbound.Source+">"+e.Unbound.Destination)
		}
	}
	slices.Sort(out)
	return out
}

func (w *world) exchange(m DeclareExchange) decision {
	if m.Type == "" {
		m.Type = "direct"
	}
	return w.declareExchange("/", &m)
}

func (w *world) queue(m DeclareQueue) decision { return w.declareQueue("/", &m) }

// bound is the binding source>destination; an exchange's name is in capitals.
func (w *world) bound(ends string, connection uint64) decision {
	source, to, _ := strings.Cut(ends, ">")
	return w.bindDecision("/", &Bind{
		Request: Request{Connection: connection}, Source: source, Destination: to, Key: "k", ToExchange: strings.ToUpper(to) == to,
	})
}

func (w *world) unbound(ends string, connection uint64) decision {
	source, to, _ := strings.Cut(ends, ">")
	return w.unbindDecision("/", &Unbind{Request: Request{Connection: connection}, Source: source, Destination: to, Key: "k", ToExchange: strings.ToUpper(to) == to})
}

// refused compares an error with "code text", or with none.
func refused(t *testing.T, what string, err *protocol.Error, want string) {
	t.Helper()
	got := ""
	if err != nil {
		got = fmt.Sprint(err.Code, " ", err.Text)
	}
	if got != want {
		t.Errorf("%s:\n got %s\nwant %s", what, got, want)
	}
}

const lockedText = "405 cannot obtain exclusive access to locked queue 'e' in vhost '/'. It could be originally declared on another " +
	"connection or the exclusive property value does not match that of the original declaration."

func TestDeclareExchangeAgain(t *testing.T) {
	// Contract, P-56: what may be declared, and with which text the rest is refused.
	w := newWorld(t)
	w.do(w.exchange(DeclareExchange{Name: "X", Durable: true}))
	w.do(w.exchange(DeclareExchange{Name: "Y", Type: "topic", AutoDelete: true, Internal: true, Arguments: protocol.Table{"alternate-exchange": "X", "x-other": int32(1)}}))
	cases := []struct {
		name string
		m    DeclareExchange
		want string
	}{
		{"the same", DeclareExchange{Name: "X", Durable: true}, ""},
		{"unknown arguments are not compared", DeclareExchange{Name: "X", Durable: true, Arguments: protocol.Table{"x-other": "1"}}, ""},
		{"type", DeclareExchange{Name: "X", Type: "fanout", Durable: true}, "406 inequivalent arg 'type' for exchange 'X' in vhost '/': received 'fanout' but current is 'direct'"},
		{"durable", DeclareExchange{Name: "X"}, "406 inequivalent arg 'durable' for exchange 'X' in vhost '/': received 'false' but current is 'true'"},
		{"auto_delete", DeclareExchange{Name: "X", Durable: true, AutoDelete: true}, "406 inequivalent arg 'auto_delete' for exchange 'X' in vhost '/': received 'true' but current is 'false'"},
		{"internal", DeclareExchange{Name: "X", Durable: true, Internal: true}, "406 inequivalent arg 'internal' for exchange 'X' in vhost '/': received 'true' but current is 'false'"},
		{"type comes first", DeclareExchange{Name: "X", Type: "fanout", Internal: true}, "406 inequivalent arg 'type' for exchange 'X' in vhost '/': received 'fanout' but current is 'direct'"},
		{"one alternate more", DeclareExchange{Name: "X", Durable: true, Arguments: protocol.Table{"alternate-exchange": "Y"}},
			"406 inequivalent arg 'alternate-exchange' for exchange 'X' in vhost '/': received the value 'Y' of type 'longstr' but current is none"},
		{"one alternate less", DeclareExchange{Name: "Y", Type: "topic", AutoDelete: true, Internal: true},
			"406 inequivalent arg 'alternate-exchange' for exchange 'Y' in vhost '/': received none but current is the value 'X' of type 'longstr'"},
		{"another alternate", DeclareExchange{Name: "Y", Type: "topic", AutoDelete: true, Internal: true, Arguments: protocol.Table{"alternate-exchange": "Z"}},
			"406 inequivalent arg 'alternate-exchange' for exchange 'Y' in vhost '/': received 'Z' but current is 'X'"},
		{"unknown type", DeclareExchange{Name: "X", Type: "x-none"}, "406 unknown exchange type 'x-none'"},
		{"reserved", DeclareExchange{Name: "amq.mine"}, "403 exchange name 'amq.mine' contains reserved prefix 'amq.*'"},
		{"reserved, but there", DeclareExchange{Name: "amq.direct", Durable: true}, ""},
		{"reserved, there, and different", DeclareExchange{Name: "amq.direct"}, "406 inequivalent arg 'durable' for exchange 'amq.direct' in vhost '/': received 'false' but current is 'true'"},
		{"the default exchange", DeclareExchange{Name: "", Durable: true}, "403 operation not permitted on the default exchange"},
		{"an alternate that is no name", DeclareExchange{Name: "Z", Arguments: protocol.Table{"alternate-exchange": int32(1)}}, "406 invalid type 'signedint' for arg 'alternate-exchange' in exchange 'Z' in vhost '/'"},
	}
	for _, c := range cases {
		d := w.exchange(c.m)
		refused(t, c.name, d.err, c.want)
		if len(d.events) > 0 {
			t.Errorf("%s: events %v", c.name, told(d.events))
		}
	}
}

func TestDeclareQueueAgain(t *testing.T) {
	// Contract P-54, P-55: redeclaring with equal properties is fine, with other ones it is 406, or 405 where it is about the owner.
	w := newWorld(t)
	mine := Request{Connection: 1}
	w.do(w.queue(DeclareQueue{Request: mine, Name: "q", Durable: true}))
	w.do(w.queue(DeclareQueue{Request: mine, Name: "c", Arguments: protocol.Table{"x-queue-type": "classic", "x-queue-version": int32(2)}}))
	w.do(w.queue(DeclareQueue{Request: mine, Name: "e", Exclusive: true}))
	cases := []struct {
		name string
		m    DeclareQueue
		want string
	}{
		{"the same", DeclareQueue{Name: "q", Durable: true}, ""},
		{"classic is what there is without a type", DeclareQueue{Name: "q", Durable: true, Arguments: protocol.Table{"x-queue-type": "classic"}}, ""},
		{"and the other way round", DeclareQueue{Name: "c", Arguments: protocol.Table{"x-queue-version": int64(2)}}, ""},
		{"unknown arguments are not compared", DeclareQueue{Name: "q", Durable: true, Arguments: protocol.Table{"x-mine": "1"}}, ""},
		{"durable", DeclareQueue{Name: "q"}, "406 inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'"},
		{"auto_delete", DeclareQueue{Name: "q", Durable: true, AutoDelete: true}, "406 inequivalent arg 'auto_delete' for queue 'q' in vhost '/': received 'true' but current is 'false'"},
		{"an argument more", DeclareQueue{Name: "q", Durable: true, Arguments: protocol.Table{"x-queue-version": int32(2)}},
			"406 inequivalent arg 'x-queue-version' for queue 'q' in vhost '/': received the value '2' of type 'signedint' but current is none"},
		{"an argument less", DeclareQueue{Name: "c"},
			"406 inequivalent arg 'x-queue-version' for queue 'c' in vhost '/': received none but current is the value '2' of type 'signedint'"},
		{"another value", DeclareQueue{Name: "c", Arguments: protocol.Table{"x-queue-version": int32(1)}},
			"406 inequivalent arg 'x-queue-version' for queue 'c' in vhost '/': received '1' but current is '2'"},
		{"another type of queue", DeclareQueue{Name: "n", Arguments: protocol.Table{"x-queue-type": "quorum"}},
			"406 invalid arg 'x-queue-type' for queue 'n' in vhost '/': queue type 'quorum' is not supported yet"},
		{"its owner", DeclareQueue{Request: mine, Name: "e", Exclusive: true}, ""},
		{"its owner, durable, which an exclusive queue is not", DeclareQueue{Request: mine, Name: "e", Exclusive: true, Durable: true}, ""},
		{"another one's", DeclareQueue{Request: Request{Connection: 2}, Name: "e", Exclusive: true}, lockedText},
		{"another one's, not exclusive", DeclareQueue{Request: Request{Connection: 2}, Name: "e"}, lockedText},
		{"its owner, not exclusive", DeclareQueue{Request: mine, Name: "e"}, lockedText},
		{"everybody's, exclusive", DeclareQueue{Request: mine, Name: "q", Durable: true, Exclusive: true}, strings.ReplaceAll(lockedText, "'e'", "'q'")},
	}
	for _, c := range cases {
		d := w.queue(c.m)
		refused(t, c.name, d.err, c.want)
		if len(d.events) > 0 {
			t.Errorf("%s: events %v", c.name, told(d.events))
		}
	}
}

func TestBindRefusals(t *testing.T) {
	// Contract P-55, P-56, P-60, X-05, X-06: what a binding needs.
	w := newWorld(t)
	w.do(w.exchange(DeclareExchange{Name: "X"}))
	w.do(w.queue(DeclareQueue{Name: "q"}))
	w.do(w.queue(DeclareQueue{Request: Request{Connection: 1}, Name: "e", Exclusive: true}))
	for _, c := range []struct{ ends, want string }{
		{"X>q", ""}, {"X>X", ""}, {"amq.direct>q", ""},
		{"X>none", "404 no queue 'none' in vhost '/'"},
		{"X>NONE", "404 no exchange 'NONE' in vhost '/'"},
		{"NONE>q", "404 no exchange 'NONE' in vhost '/'"}, {"NONE>e", "404 no exchange 'NONE' in vhost '/'"},
		{">q", "403 operation not permitted on the default exchange"},
		{"X>", "403 operation not permitted on the default exchange"},
		{"X>e", lockedText},
	} {
		refused(t, c.ends, w.bound(c.ends, 2).err, c.want)
	}
	refused(t, "by its owner", w.bound("X>e", 1).err, "")
	d := w.bindDecision("/", &Bind{Source: "amq.topic", Destination: "q", Key: "#.#.#"})
	refused(t, "pattern", d.err, "406 Topic binding key '#.#.#' uses 3 '#' wildcards, at most 2 are allowed")
	d = w.bindDecision("/", &Bind{Source: "amq.match", Destination: "q", Arguments: protocol.Table{"x-match": "none"}})
	refused(t, "x-match", d.err, `406 Invalid x-match field value <<"none">>; expected all, any, all-with-x, or any-with-x`)
}

func TestBindIsIdempotent(t *testing.T) {
	// Contract X-19, P-60: a binding is there once; what is not there is unbound with success, both ends included.
	w := newWorld(t)
	w.do(w.exchange(DeclareExchange{Name: "X"}))
	w.do(w.queue(DeclareQueue{Name: "q"}))
	w.do(w.queue(DeclareQueue{Request: Request{Connection: 1}, Name: "e", Exclusive: true}))
	bind := func(arguments protocol.Table) int {
		return len(w.do(w.bindDecision("/", &Bind{Source: "X", Destination: "q", Key: "k", Arguments: arguments})))
	}
	if n := bind(nil) + bind(nil) + bind(protocol.Table{}); n != 1 || len(w.Bindings) != 1 {
		t.Errorf("%d events, %d bindings for one", n, len(w.Bindings))
	}
	two := protocol.Table{"a": "1", "b": int32(2)}
	if n := bind(two) + bind(protocol.Table{"b": int32(2), "a": "1"}); n != 1 || len(w.Bindings) != 2 {
		t.Errorf("%d events, %d bindings for another with arguments", n, len(w.Bindings))
	}
	for ends, want := range map[string]int{"X>q": 1, "X>none": 0, "X>NONE": 0, "NONE>q": 0} {
		if got := w.do(w.unbound(ends, 2)); len(got) != want {
			t.Errorf("unbind %s: %v", ends, got)
		}
	}
	if got := w.do(w.unbound("X>q", 2)); len(got) != 0 {
		t.Errorf("unbind again: %v", got)
	}
	refused(t, "another one's that is not there", w.unbound("X>e", 2).err, "")
	w.do(w.bound("X>e", 1))
	refused(t, "another one's", w.unbound("X>e", 2).err, lockedText)
	refused(t, "the default exchange", w.unbound(">q", 2).err, "403 operation not permitted on the default exchange")
}

func TestDeleteExchangeRefusals(t *testing.T) {
	// Contract X-16, P-56.
	w := newWorld(t)
	w.do(w.exchange(DeclareExchange{Name: "X"}))
	w.do(w.exchange(DeclareExchange{Name: "Y"}))
	w.do(w.bound("X>Y", 0))
	for _, c := range []struct {
		name     string
		ifUnused bool
		want     string
	}{
		{"none", false, ""}, {"none", true, ""},
		{"X", true, "406 exchange 'X' in vhost '/' in use"},
		{"", false, "403 operation not permitted on the default exchange"},
		{"amq.topic", false, "403 deletion of system exchange 'amq.topic' in vhost '/' not allowed"},
		{"amq.none", false, "403 deletion of system exchange 'amq.none' in vhost '/' not allowed"},
	} {
		d := w.deleteExchange("/", &DeleteExchange{Name: c.name, IfUnused: c.ifUnused})
		refused(t, c.name, d.err, c.want)
		if len(d.events) > 0 {
			t.Errorf("%s: %v", c.name, told(d.events))
		}
	}
	if got := w.do(w.deleteExchange("/", &DeleteExchange{Name: "Y", IfUnused: true})); !slices.Equal(got, []string{"-X>Y", "-Y"}) {
		t.Errorf("a destination is not in use: %v", got)
	}
}
