package vhost

import (
	"strings"

	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/actors/queue/settings"
	eventv1 "warren/proto/event/v1"
	"warren/protocol"
)

// What the definitions decide: the events of a command, none when it finds done what it asks for, or the error.
type decision struct {
	events []*eventv1.Definition
	err    *protocol.Error
}

func refuse(err *protocol.Error) decision { return decision{err: err} }

func (d *Definitions) declareExchange(vhost string, m *DeclareExchange) decision {
	what := "exchange '" + m.Name + "' in vhost '" + vhost + "'"
	if err := exchange.CheckType(m.Type); err != nil {
		return refuse(err)
	}
	if m.Name == "" {
		return refuse(protocol.AccessRefused("operation not permitted on the default exchange"))
	}
	arguments := encode(m.Arguments)
	if now := d.Exchanges.Get(m.Name); now != nil {
		return decision{err: firstError(
			protocol.AssertEqual("type", what, m.Type, now.Type),
			protocol.AssertEqual("durable", what, m.Durable, now.Durable),
			protocol.AssertEqual("auto_delete", what, m.AutoDelete, now.AutoDelete),
			protocol.AssertEqual("internal", what, m.Internal, now.Internal),
			protocol.AssertEquivalent(what, m.Arguments, decode(now.Arguments), "alternate-exchange"),
		)}
	}
	if strings.HasPrefix(m.Name, "amq.") {
		return refuse(protocol.AccessRefused("exchange name '%s' contains reserved prefix 'amq.*'", m.Name))
	}
	if v, ok := m.Arguments["alternate-exchange"]; ok {
		if _, isText := v.(string); !isText {
			return refuse(protocol.PreconditionFailed("invalid type '%s' for arg 'alternate-exchange' in %s", protocol.TypeName(v), what))
		}
	}
	if err := exchange.CheckArguments(m.Type, m.Arguments); err != nil {
		return refuse(err)
	}
	var events []*eventv1.Definition
	if m.Type == exchange.Delayed { // its queue first: the exchange leads to it
		events = append(events, queueDeclared(&eventv1.QueueDeclared{
			Name: queue.HoldFor(m.Name), Durable: m.Durable, Type: string(settings.Classic),
		}))
	}
	return decision{events: append(events, exchangeDeclared(&eventv1.ExchangeDeclared{
		Name: m.Name, Type: m.Type, Durable: m.Durable, AutoDelete: m.AutoDelete, Internal: m.Internal, Arguments: arguments,
	}))}
}

func (d *Definitions) deleteExchange(vhost string, m *DeleteExchange) decision {
	switch {
	case m.Name == "":
		return refuse(protocol.AccessRefused("operation not permitted on the default exchange"))
	case strings.HasPrefix(m.Name, "amq."):
		return refuse(protocol.AccessRefused("deletion of system exchange '%s' in vhost '%s' not allowed", m.Name, vhost))
	case d.Exchanges.Get(m.Name) == nil:
		return decision{}
	case m.IfUnused && len(d.from[m.Name]) > 0:
		return refuse(protocol.PreconditionFailed("exchange '%s' in vhost '%s' in use", m.Name, vhost))
	}
	r := d.removal()
	r.exchange(m.Name)
	return decision{events: r.events}
}

func (d *Definitions) declareQueue(vhost string, m *DeclareQueue) decision {
	what := "queue '" + m.Name + "' in vhost '" + vhost + "'"
	durable := m.Durable && !m.Exclusive // contract Q-03: it cannot outlive its connection, whatever it says
	if now := d.Queues.Get(m.Name); now != nil {
		if now.ExclusiveOwner != 0 && now.ExclusiveOwner != m.Connection || m.Exclusive != (now.ExclusiveOwner != 0) {
			return refuse(Locked(m.Name, vhost))
		}
		arguments := decode(now.Arguments)
		return decision{err: firstError(
			protocol.AssertEqual("durable", what, durable, now.Durable),
			protocol.AssertEqual("auto_delete", what, m.AutoDelete, now.AutoDelete),
			protocol.AssertEquivalent(what, m.Arguments, arguments, settings.Compared(settings.TypeOf(arguments))...),
		)}
	}
	if err := settings.Check(what, m.Arguments); err != nil {
		return refuse(err)
	}
	owner := uint64(0)
	if m.Exclusive {
		owner = m.Connection
	}
	return decision{events: []*eventv1.Definition{queueDeclared(&eventv1.QueueDeclared{
		Name: m.Name, Durable: durable, ExclusiveOwner: owner, AutoDelete: m.AutoDelete,
		Arguments: encode(m.Arguments), Type: string(settings.TypeOf(m.Arguments)),
	})}}
}

// deleteQueues is for queues that go together.
func (d *Definitions) deleteQueues(names ...string) decision {
	r := d.removal()
	for _, name := range names {
		r.queue(name)
	}
	return decision{events: r.events}
}

// bindDecision refuses a binding in RabbitMQ's order: the ends are there, the source can route it, the queue is not another
// connection's.
func (d *Definitions) bindDecision(vhost string, m *Bind) decision {
	switch x, q := d.Exchanges.Get(m.Source), d.Queues.Get(m.Destination); {
	case m.Source == "" || m.ToExchange && m.Destination == "":
		return refuse(protocol.AccessRefused("operation not permitted on the default exchange"))
	case !m.ToExchange && strings.HasPrefix(m.Destination, queue.ReplyTo): // contract X-23
		return refuse(protocol.AccessRefused("operation not permitted on queue '%s' in vhost '%s'", m.Destination, vhost))
	case x == nil:
		return refuse(noExchange(m.Source, vhost))
	case m.ToExchange && d.Exchanges.Get(m.Destination) == nil:
		return refuse(noExchange(m.Destination, vhost))
	case !m.ToExchange && q == nil:
		return refuse(protocol.NotFound("no queue '%s' in vhost '%s'", m.Destination, vhost))
	default:
		if err := exchange.CheckBinding(exchange.Kind(x.Type, decode(x.Arguments)), m.Key, m.Arguments, m.ToExchange); err != nil {
			return refuse(err)
		}
		if !m.ToExchange && q.ExclusiveOwner != 0 && q.ExclusiveOwner != m.Connection {
			return refuse(Locked(m.Destination, vhost))
		}
	}
	k := bindingKey{m.Source, endpoint{kindOf(m.ToExchange), m.Destination}, m.Key, string(encode(m.Arguments))}
	if d.Bindings[k] != nil {
		return decision{}
	}
	return decision{events: []*eventv1.Definition{bound(&eventv1.Bound{
		Source: m.Source, DestinationKind: k.to.kind, Destination: m.Destination,
		RoutingKey: []byte(m.Key), Arguments: []byte(k.arguments),
	})}}
}

func (d *Definitions) unbindDecision(vhost string, m *Unbind) decision {
	if m.Source == "" || m.ToExchange && m.Destination == "" {
		return refuse(protocol.AccessRefused("operation not permitted on the default exchange"))
	}
	k := bindingKey{m.Source, endpoint{kindOf(m.ToExchange), m.Destination}, m.Key, string(encode(m.Arguments))}
	b := d.Bindings[k]
	if b == nil {
		return decision{} // idempotent (contract P-60), of another connection's queue as well
	}
	if q := d.Queues.Get(m.Destination); !m.ToExchange && q != nil && q.ExclusiveOwner != 0 && q.ExclusiveOwner != m.Connection {
		return refuse(Locked(m.Destination, vhost))
	}
	r := d.removal()
	r.binding(b)
	return decision{events: r.events}
}

func noExchange(name, vhost string) *protocol.Error {
	return protocol.NotFound("no exchange '%s' in vhost '%s'", name, vhost)
}

func kindOf(toExchange bool) eventv1.DestinationKind {
	if toExchange {
		return eventv1.DestinationKind_DESTINATION_KIND_EXCHANGE
	}
	return eventv1.DestinationKind_DESTINATION_KIND_QUEUE
}
