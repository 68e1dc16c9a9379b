package definitions

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Encode writes the file: members in RabbitMQ's order, bindings in an order of their own, so that the same definitions are the same
// bytes. What cannot be said in JSON is an error that names the object.
func (d *Definitions) Encode() ([]byte, error) {
	for _, x := range d.Exchanges {
		if _, err := x.Arguments.MarshalJSON(); err != nil {
			return nil, fmt.Errorf("%s cannot be exported: %w", x, err)
		}
	}
	for _, q := range d.Queues {
		if _, err := q.Arguments.MarshalJSON(); err != nil {
			return nil, fmt.Errorf("%s cannot be exported: %w", q, err)
		}
	}
	keys := make(map[string]Binding, len(d.Bindings))
	for _, b := range d.Bindings {
		if !utf8.ValidString(b.RoutingKey) {
			return nil, fmt.Errorf("%s cannot be exported: its routing key %q is no UTF-8, and JSON holds nothing else", b, b.RoutingKey)
		}
		if _, err := b.Arguments.MarshalJSON(); err != nil {
			return nil, fmt.Errorf("%s cannot be exported: %w", b, err)
		}
		keys[b.Key()] = b // of those that JSON cannot tell apart, one
	}
	sorted := *d
	sorted.Bindings = make([]Binding, 0, len(keys))
	for _, b := range keys {
		sorted.Bindings = append(sorted.Bindings, b)
	}
	slices.SortFunc(sorted.Bindings, func(a, b Binding) int { return cmp.Compare(a.Key(), b.Key()) })

	compact, err := encode(sorted.complete())
	if err != nil {
		return nil, fmt.Errorf("definitions: %w", err)
	}
	var b bytes.Buffer
	if err := json.Indent(&b, compact, "", "  "); err != nil {
		return nil, fmt.Errorf("definitions: %w", err)
	}
	b.WriteByte('\n')
	return b.Bytes(), nil
}

// complete turns what is missing into what is empty: RabbitMQ has null for neither lists nor objects.
func (d Definitions) complete() Definitions {
	d.Users, d.VHosts = some(d.Users), some(d.VHosts)
	d.Permissions, d.TopicPermissions = some(d.Permissions), some(d.TopicPermissions)
	d.Parameters, d.GlobalParameters, d.Policies = some(d.Parameters), some(d.GlobalParameters), some(d.Policies)
	d.Queues, d.Exchanges, d.Bindings = some(d.Queues), some(d.Exchanges), some(d.Bindings)
	for i := range d.Users {
		if d.Users[i].Limits == nil {
			d.Users[i].Limits = Limits{}
		}
	}
	for i := range d.VHosts {
		if d.VHosts[i].Limits == nil {
			d.VHosts[i].Limits = Limits{}
		}
	}
	return d
}

func some[T any](items []T) []T {
	if items == nil {
		return []T{}
	}
	return items
}
