package channel

import (
	"slices"
	"strings"

	"warren/actors/auth"
	"warren/actors/exchange"
	"warren/actors/queue"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// granted is what the channel has found to be allowed. It holds for one value of the node's definitions: another one in force is
// another pointer, and everything is looked at again.
type granted struct {
	by          *auth.Definitions
	permissions *auth.Permissions
	names       ring[nameGrant]
	// The topic exchange that was looked at last, and which keys may be used with it; nil for all.
	topic exchange.Name
	keys  *auth.TopicPermissions
	used  ring[keyGrant]
}

type (
	nameGrant struct {
		kind auth.Kind
		name string // an exchange's and a queue's are the same to the patterns
	}
	keyGrant struct {
		kind auth.Kind
		key  string
	}
)

// ring holds what was found last.
type ring[T comparable] struct {
	items []T // at most cached
	next  int
}

// cached is as much as RabbitMQ's channels remember (MAX_PERMISSION_CACHE_SIZE).
const cached = 12

func (r *ring[T]) has(item T) bool {
	return slices.Contains(r.items, item)
}

func (r *ring[T]) add(item T) {
	if len(r.items) < cached {
		r.items = append(r.items, item)
		return
	}
	r.items[r.next] = item
	r.next = (r.next + 1) % cached
}

func (c *Channel) grants() *granted {
	if now := c.Access.Now(); c.granted == nil || now != c.granted.by {
		c.granted = &granted{by: now, permissions: now.Of(c.User, c.VHost.Name)}
	}
	return c.granted
}

// defaultExchange is what permissions call it (contract P-27).
const defaultExchange = "amq.default"

// may is contract P-27: nil when the user may configure, write to or read from something.
func (c *Channel) may(k auth.Kind, what, name string) *protocol.Error {
	g := c.grants()
	if what == "exchange" && name == "" {
		name = defaultExchange
	}
	if g.permissions != nil {
		if g.permissions.AllowAll(k) {
			return nil
		}
		grant := nameGrant{k, name}
		if name != "" && g.names.has(grant) {
			return nil
		}
		if g.permissions.Allow(k, name) {
			g.names.add(nameGrant{k, strings.Clone(name)})
			return nil
		}
	}
	return protocol.AccessRefused("%s access to %s '%s' in vhost '%s' refused for user '%s'", k, what, name, c.VHost.Name, c.User)
}

// mayAny is for whoever only wants to know that something is there.
func (c *Channel) mayAny(what, name string) *protocol.Error {
	err := c.may(auth.Configure, what, name)
	if err != nil && (c.may(auth.Write, what, name) == nil || c.may(auth.Read, what, name) == nil) {
		return nil
	}
	return err
}

// mayRoute is topic authorisation for a run of messages (contract P-31).
func (c *Channel) mayRoute(x *exchange.Slot, messages []protocol.Message) *protocol.Error {
	if x.Type != exchange.Topic || c.topicKeys(x) == nil {
		return nil
	}
	for i := range messages {
		m := &messages[i]
		if i == 0 || m.RoutingKey != messages[i-1].RoutingKey {
			if err := c.mayUseKey(auth.Write, x, m.RoutingKey); err != nil {
				return err
			}
		}
		if m.Flags.Has(protocol.FlagSelected) {
			if err := c.mayUseSelected(x, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// mayUseSelected is mayUseKey for the keys in CC and BCC.
func (c *Channel) mayUseSelected(x *exchange.Slot, m *protocol.Message) (err *protocol.Error) {
	scan, broken := protocol.ScanProperties(m.Properties)
	if broken != nil { // they were checked when they came in
		panic(broken)
	}
	protocol.EachSelectedKey(scan.Headers, func(key []byte) {
		if err == nil {
			err = c.mayUseKey(auth.Write, x, string(key))
		}
	})
	return err
}

// mayUseKey is topic authorisation (RabbitMQ, access control): only of topic exchanges, and only where there is any for the user.
func (c *Channel) mayUseKey(k auth.Kind, x *exchange.Slot, key string) *protocol.Error {
	if x.Type != exchange.Topic {
		return nil
	}
	keys := c.topicKeys(x)
	if keys == nil {
		return nil
	}
	g := c.granted
	if key != "" && g.used.has(keyGrant{k, key}) {
		return nil
	}
	if !keys.Allow(k, key) {
		return protocol.AccessRefused("%s access to topic '%s' in exchange '%s' in vhost '%s' refused for user '%s'", k, key, x.Name, c.VHost.Name, c.User)
	}
	g.used.add(keyGrant{k, strings.Clone(key)})
	return nil
}

func (c *Channel) topicKeys(x *exchange.Slot) *auth.TopicPermissions {
	g := c.grants()
	if !g.by.HasTopicPermissions() {
		return nil
	}
	if g.topic != x.Name {
		g.topic, g.keys, g.used = x.Name, g.by.OfTopic(c.User, c.VHost.Name, string(x.Name)), ring[keyGrant]{}
	}
	return g.keys
}

// permitted says what speaks against an operation. Where RabbitMQ looks at something else first, at a reserved name for example, it
// says nothing: that is refused behind it.
func (c *Channel) permitted(op *Operation) *protocol.Error {
	switch m := op.Method.(type) {
	case *amqp091.ExchangeDeclare:
		return c.mayDeclareExchange(m)
	case *amqp091.ExchangeDelete:
		if x := name(m.Exchange); x != "" && !strings.HasPrefix(x, "amq.") {
			return c.may(auth.Configure, "exchange", x)
		}
	case *amqp091.ExchangeBind:
		return c.mayBind("exchange", name(m.Destination), name(m.Source), m.RoutingKey)
	case *amqp091.ExchangeUnbind:
		return c.mayBind("exchange", name(m.Destination), name(m.Source), m.RoutingKey)
	case *amqp091.QueueDeclare:
		return c.mayDeclareQueue(op, m)
	case *amqp091.QueueDelete:
		return c.mayWithQueue(auth.Configure, m.Queue)
	case *amqp091.QueuePurge:
		return c.mayWithQueue(auth.Read, m.Queue)
	case *amqp091.QueueBind:
		return c.mayBindQueue(m.Queue, name(m.Exchange), m.RoutingKey)
	case *amqp091.QueueUnbind:
		return c.mayBindQueue(m.Queue, name(m.Exchange), m.RoutingKey)
	case *amqp091.BasicGet:
		return c.mayWithQueue(auth.Read, m.Queue)
	case *amqp091.BasicConsume:
		if _, taken := c.state.Consumers[op.Name]; !taken && m.Queue != queue.ReplyTo { // nobody needs a permission for replies (contract P-38)
			return c.mayWithQueue(auth.Read, m.Queue)
		}
	}
	return nil
}

func (c *Channel) mayWithQueue(k auth.Kind, given string) *protocol.Error {
	called, err := c.last(given)
	if err != nil {
		return err
	}
	return c.may(k, "queue", called)
}

// mayDeclareExchange is contract X-17: an alternate exchange gets what this one could be read for, so a new exchange must be readable
// and its alternate writable.
func (c *Channel) mayDeclareExchange(m *amqp091.ExchangeDeclare) *protocol.Error {
	called := name(m.Exchange)
	if m.Passive || called == "" || exchange.CheckType(m.Type) != nil {
		return nil
	}
	if err := c.may(auth.Configure, "exchange", called); err != nil {
		return err
	}
	if c.VHost.Exchange(exchange.Name(called)) != nil || strings.HasPrefix(called, "amq.") {
		return nil
	}
	return c.mayLeadTo(m.Arguments, "alternate-exchange", "exchange", called)
}

// mayDeclareQueue: one that the server names must be allowed like any other, as amq.gen-*.
func (c *Channel) mayDeclareQueue(op *Operation, m *amqp091.QueueDeclare) *protocol.Error {
	if strings.HasPrefix(op.Name, queue.ReplyTo) {
		return nil
	}
	if m.Passive {
		called := op.Name
		if called == "" {
			var err *protocol.Error
			if called, err = c.last(""); err != nil {
				return err
			}
		}
		return c.mayAny("queue", called)
	}
	if m.Queue != "" && strings.HasPrefix(op.Name, "amq.") {
		return nil
	}
	if err := c.may(auth.Configure, "queue", op.Name); err != nil {
		return err
	}
	if c.VHost.Queue(queue.Name(op.Name)) != nil {
		return nil
	}
	return c.mayLeadTo(m.Arguments, "x-dead-letter-exchange", "queue", op.Name)
}

// mayLeadTo is for an argument that names an exchange to which messages go from what is declared (contract ).
func (c *Channel) mayLeadTo(arguments amqp091.RawTable, argument, what, called string) *protocol.Error {
	t, err := table(arguments)
	if err != nil {
		return err
	}
	to, is := t[argument].(string)
	if !is {
		return nil
	}
	if err := c.may(auth.Read, what, called); err != nil {
		return err
	}
	return c.may(auth.Write, "exchange", to)
}

func (c *Channel) mayBindQueue(given, source, key string) *protocol.Error {
	called, err := c.last(given)
	if err != nil {
		return err
	}
	if given == "" && key == "" {
		key = called
	}
	return c.mayBind("queue", called, source, key)
}

// mayBind is contract.
func (c *Channel) mayBind(what, destination, source, key string) *protocol.Error {
	if source == "" || what == "exchange" && destination == "" {
		return nil
	}
	if err := c.may(auth.Write, what, destination); err != nil {
		return err
	}
	if err := c.may(auth.Read, "exchange", source); err != nil {
		return err
	}
	if x := c.VHost.Exchange(exchange.Name(source)); x != nil {
		return c.mayUseKey(auth.Read, x, key)
	}
	return nil
}
