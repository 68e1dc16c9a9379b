package main

import (
	"bytes"
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "warren/proto/admin/v1"
)

// object is a JSON object whose members keep their order.
type object []member

type member struct {
	name  string
	value any
}

func (o object) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, m := range o {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := encode(m.name)
		if err != nil {
			return nil, err
		}
		value, err := encode(m.value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", m.name, err)
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// encode is json.Marshal without its caution for HTML: a connection's name has a > in it.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}

// jsonColumns is one row.
func jsonColumns(m protoreflect.Message, columns []column) object {
	row := object{}
	for _, c := range columns {
		row = append(row, member{title(c), jsonField(m, c)})
	}
	return row
}

// jsonField is a field as RabbitMQ's json formatter has it: integers are numbers, an absent value is the empty text, durations are
// seconds.
// Differs: RabbitMQ writes a field table as a list of triples here; this is the object that its HTTP API has.
func jsonField(m protoreflect.Message, c column) any {
	value := m.Get(c)
	switch {
	case c.IsList():
		list := []any{}
		for i := range value.List().Len() {
			if c.Kind() == protoreflect.MessageKind {
				list = append(list, jsonMessage(value.List().Get(i).Message()))
				continue
			}
			list = append(list, value.List().Get(i).Interface())
		}
		return list
	case c.Kind() == protoreflect.MessageKind:
		return jsonMessage(value.Message())
	case c.HasPresence() && !m.Has(c):
		return ""
	}
	return value.Interface()
}

func jsonMessage(m protoreflect.Message) any {
	switch inner := m.Interface().(type) {
	case *adminv1.Table:
		return jsonTable(inner)
	case *durationpb.Duration:
		return inner.AsDuration().Seconds()
	}
	fields := m.Descriptor().Fields()
	all := make([]column, 0, fields.Len())
	for i := range fields.Len() {
		f := fields.Get(i)
		if f.Kind() == protoreflect.MessageKind && f.HasOptionalKeyword() && !m.Has(f) {
			continue // there at times, and then it is an object
		}
		all = append(all, f)
	}
	return jsonColumns(m, all)
}

func jsonTable(t *adminv1.Table) object {
	o := object{}
	for _, field := range t.GetFields() {
		o = append(o, member{field.GetName(), jsonValue(field.GetValue())})
	}
	return o
}

func jsonValue(v *adminv1.Value) any {
	switch kind := v.GetKind().(type) {
	case *adminv1.Value_Boolean:
		return kind.Boolean
	case *adminv1.Value_Integer:
		return kind.Integer
	case *adminv1.Value_Timestamp:
		return kind.Timestamp
	case *adminv1.Value_Number:
		if text := valueText(v); text == "NaN" || text == "+Inf" || text == "-Inf" {
			return text // JSON has no number for these
		}
		return kind.Number
	case *adminv1.Value_Decimal:
		return json.Number(kind.Decimal)
	case *adminv1.Value_Text:
		return kind.Text
	case *adminv1.Value_Binary:
		return kind.Binary
	case *adminv1.Value_Table:
		return jsonTable(kind.Table)
	case *adminv1.Value_Array:
		elements := []any{}
		for _, element := range kind.Array.GetValues() {
			elements = append(elements, jsonValue(element))
		}
		return elements
	}
	return nil
}
