package definitions

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// nameLimit is what a short string of AMQP holds, in bytes.
const nameLimit = 255

// scalars are the members of the file that say where it comes from.
var scalars = []string{
	"rabbit_version", "rabbitmq_version", "product_name", "product_version", "rabbitmq_definition_format", "original_cluster_name",
	"original_vhost_name", "explanation", "metadata",
}

// lists are the members that hold objects.
var lists = []string{
	"users", "vhosts", "permissions", "topic_permissions", "parameters", "global_parameters", "policies", "queues", "exchanges", "bindings",
}

// Parse reads a file of any version of RabbitMQ, and refuses one that is not well formed. Whether its objects can be taken, Check says.
func Parse(b []byte) (*Definitions, error) {
	if !utf8.Valid(b) {
		return nil, errors.New("the definitions are no UTF-8")
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(b, &members); err != nil {
		return nil, fmt.Errorf("the definitions are no JSON object: %w", err)
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		if !slices.Contains(scalars, name) && !slices.Contains(lists, name) {
			return nil, fmt.Errorf("the definitions have a member '%s', which Warren does not know", name)
		}
	}
	d := &Definitions{}
	if err := json.Unmarshal(b, d); err != nil {
		return nil, fmt.Errorf("the definitions are not in RabbitMQ's form: %w", err)
	}
	return d, d.wellFormed()
}

func (d *Definitions) wellFormed() error {
	for _, q := range d.Queues {
		if err := wellFormed(q, q.Name, q.VHost, q.Durable); err != nil {
			return err
		}
	}
	for _, x := range d.Exchanges {
		if err := wellFormed(x, x.Name, x.VHost, x.Durable); err != nil {
			return err
		}
	}
	for _, b := range d.Bindings {
		switch {
		case b.VHost == "":
			return fmt.Errorf("%s has no vhost", b)
		case b.DestinationType != "queue" && b.DestinationType != "exchange":
			return fmt.Errorf("%s: its destination_type is '%s', which must be queue or exchange", b, b.DestinationType)
		case len(b.RoutingKey) > nameLimit:
			return fmt.Errorf("%s: its routing key has %d bytes; the limit is %d", b, len(b.RoutingKey), nameLimit)
		}
	}
	return nil
}

func wellFormed(what fmt.Stringer, name, vhost string, durable *bool) error {
	switch {
	case name == "":
		return fmt.Errorf("%s has no name", what)
	case len(name) > nameLimit:
		return fmt.Errorf("%s: its name has %d bytes; the limit is %d", what, len(name), nameLimit)
	case vhost == "":
		return fmt.Errorf("%s has no vhost", what)
	case durable == nil:
		return fmt.Errorf("%s does not say whether it is durable", what)
	}
	return nil
}

func (q Queue) String() string    { return "queue '" + q.Name + "' in vhost '" + q.VHost + "'" }
func (x Exchange) String() string { return "exchange '" + x.Name + "' in vhost '" + x.VHost + "'" }

func (b Binding) String() string {
	return fmt.Sprintf("binding from exchange '%s' to %s '%s' with routing key '%s' in vhost '%s'",
		b.Source, b.DestinationType, b.Destination, b.RoutingKey, b.VHost)
}

// Key tells two bindings apart as far as JSON can.
func (b Binding) Key() string {
	arguments, _ := b.Arguments.MarshalJSON() // those without JSON are refused elsewhere
	key, _ := encode([]string{b.VHost, b.Source, b.DestinationType, b.Destination, b.RoutingKey, string(arguments)})
	return string(key)
}
