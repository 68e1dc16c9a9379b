package exchange

import (
	"strings"

	"warren/protocol"
)

// headersTable routes by the headers of a message (contract X-06).
type headersTable struct{ bindings []Binding }

func (t headersTable) With(b Binding) Table    { return headersTable{put(t.bindings, b)} }
func (t headersTable) Without(b Binding) Table { return headersTable{drop(t.bindings, b)} }
func (headersTable) Cacheable() bool           { return false }

func (t headersTable) Each(f func(Binding)) { each(t.bindings, f) }

func (t headersTable) Route(m *protocol.Message, visit func(Destination)) error {
	var headers []byte
	if m.Flags.Has(protocol.FlagHeaders) {
		scan, err := protocol.ScanProperties(m.Properties)
		if err != nil {
			return err
		}
		headers = scan.Headers
	}
	for i := range t.bindings {
		if matches(t.bindings[i].Arguments, headers) {
			visit(t.bindings[i].To)
		}
	}
	return nil
}

// The modes of x-match. Those with "-with-x" also compare arguments whose name begins with "x-".
const (
	matchAll      = "all"
	matchAny      = "any"
	matchAllWithX = "all-with-x"
	matchAnyWithX = "any-with-x"
)

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
	return protocol.PreconditionFailed("Invalid x-match field value <<\"%s\">>; expected all, any, all-with-x, or any-with-x", text)
}

// matches compares a binding's arguments with the headers of a message, a field table as it came or nil.
func matches(arguments protocol.Table, headers []byte) bool {
	mode, _ := arguments["x-match"].(string)
	all := mode != matchAny && mode != matchAnyWithX
	withX := mode == matchAllWithX || mode == matchAnyWithX
	for name, want := range arguments {
		if name == "x-match" || !withX && strings.HasPrefix(name, "x-") {
			continue
		}
		got, present := protocol.LookupField(headers, name)
		if hit := present && (want == nil || got.Equal(want)); hit != all {
			return hit
		}
	}
	return all
}
