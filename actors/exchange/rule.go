package exchange

import (
	"maps"
	"slices"
	"strings"

	"warren/protocol"
)

// rule is what a binding's arguments want of a message's headers (contract X-06).
type rule struct {
	all        bool // or any
	conditions []condition
}

// condition wants a header with a value, or with any when want is nil: a void argument.
type condition struct {
	name string
	want any
}

// The modes of x-match. Those with "-with-x" also compare arguments whose name begins with "x-".
const (
	matchAll      = "all"
	matchAny      = "any"
	matchAllWithX = "all-with-x"
	matchAnyWithX = "any-with-x"
)

func newRule(arguments protocol.Table) *rule {
	mode, _ := arguments["x-match"].(string)
	withX := mode == matchAllWithX || mode == matchAnyWithX
	r := &rule{all: mode != matchAny && mode != matchAnyWithX}
	for _, name := range slices.Sorted(maps.Keys(arguments)) {
		if name != "x-match" && (withX || !strings.HasPrefix(name, "x-")) {
			r.conditions = append(r.conditions, condition{name, arguments[name]})
		}
	}
	return r
}

// matches compares with the headers of a message, a field table as it came or nil.
func (r *rule) matches(headers []byte) bool {
	for i := range r.conditions {
		c := &r.conditions[i]
		got, present := protocol.LookupField(headers, c.name)
		if hit := present && (c.want == nil || got.Equal(c.want)); hit != r.all {
			return hit
		}
	}
	return r.all
}

func checkMatch(arguments protocol.Table) *protocol.Error {
	v, ok := arguments["x-match"]
	if !ok {
		return nil
	}
	switch v {
	case matchAll, matchAny, matchAllWithX, matchAnyWithX:
		return nil
	}
	text, isText := v.(string)
	if !isText {
		return protocol.PreconditionFailed("Invalid x-match field type %s (value %v); expected longstr", protocol.TypeName(v), v)
	}
	return protocol.PreconditionFailed("Invalid x-match field value %s; expected all, any, all-with-x, or any-with-x", protocol.Binary(text))
}
