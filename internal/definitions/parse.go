package definitions

import (
	"cmp"
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
	if err := d.settle(); err != nil {
		return nil, err
	}
	return d, d.wellFormed()
}

// vhostLimits is the component under which RabbitMQ keeps the limits of vhosts.
const vhostLimits = "vhost-limits"

// LimitsParameter is how RabbitMQ writes the limits of a vhost beside those that stand with it.
func LimitsParameter(vhost string, l Limits) (Parameter, error) {
	value, err := json.Marshal(l)
	return Parameter{Component: vhostLimits, VHost: vhost, Name: "limits", Value: value}, err
}

// operatorPolicy is the component under which RabbitMQ keeps operator policies.
const operatorPolicy = "operator_policy"

// OperatorPolicyParameter is how RabbitMQ writes an operator policy.
func OperatorPolicyParameter(p Policy) (Parameter, error) {
	value, err := encode(operatorPolicyValue{p.Pattern, p.ApplyTo, p.Definition, p.Priority})
	return Parameter{Component: operatorPolicy, VHost: p.VHost, Name: p.Name, Value: value}, err
}

// operatorPolicyValue is a policy without what the parameter says already.
type operatorPolicyValue struct {
	Pattern    string    `json:"pattern"`
	ApplyTo    string    `json:"apply-to"`
	Definition Arguments `json:"definition"`
	Priority   int64     `json:"priority"`
}

// settle brings together what may stand in two places: metadata and limits of vhosts, policies.
func (d *Definitions) settle() error {
	for i := range d.VHosts {
		v := &d.VHosts[i]
		v.Description = cmp.Or(v.Description, v.Metadata.Description)
		v.DefaultQueueType = cmp.Or(v.DefaultQueueType, v.Metadata.DefaultQueueType)
		if v.Tags == nil {
			v.Tags = v.Metadata.Tags
		}
		if v.DefaultQueueType == "undefined" {
			v.DefaultQueueType = ""
		}
	}
	for _, p := range d.Parameters {
		if p.Component == operatorPolicy {
			var v operatorPolicyValue
			if err := json.Unmarshal(p.Value, &v); err != nil {
				return fmt.Errorf("parameter '%s' of component '%s' in vhost '%s' is no policy: %w", p.Name, p.Component, p.VHost, err)
			}
			d.OperatorPolicies = append(d.OperatorPolicies, Policy{p.VHost, p.Name, v.Pattern, v.ApplyTo, v.Definition, v.Priority})
		}
		if p.Component != vhostLimits {
			continue
		}
		var l Limits
		if err := json.Unmarshal(p.Value, &l); err != nil || p.Name != "limits" {
			return fmt.Errorf("parameter '%s' of component '%s' in vhost '%s' are no limits", p.Name, p.Component, p.VHost)
		}
		at := slices.IndexFunc(d.VHosts, func(v VHost) bool { return v.Name == p.VHost })
		if at < 0 {
			d.OtherLimits = append(d.OtherLimits, VHostLimits{p.VHost, l})
			continue
		}
		d.VHosts[at].Limits = l
	}
	for _, policies := range [][]Policy{d.Policies, d.OperatorPolicies} {
		for i := range policies {
			policies[i].ApplyTo = cmp.Or(policies[i].ApplyTo, "all")
		}
	}
	return nil
}

func (d *Definitions) wellFormed() error {
	for _, u := range d.Users {
		if err := wellFormedName("a user", u.Name); err != nil {
			return err
		}
	}
	for _, v := range d.VHosts {
		if err := wellFormedName("a vhost", v.Name); err != nil {
			return err
		}
	}
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

func wellFormedName(what, name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%s has no name", what)
	case len(name) > nameLimit:
		return fmt.Errorf("the name of %s has %d bytes; the limit is %d", what, len(name), nameLimit)
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
