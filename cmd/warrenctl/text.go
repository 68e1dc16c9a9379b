package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/known/durationpb"

	adminv1 "warren/proto/admin/v1"
)

// text writes one column as RabbitMQ's table formatter does: an absent value is empty, a field table a list of pairs.
func text(m protoreflect.Message, c column) string {
	value := m.Get(c)
	switch {
	case c.IsList():
		var members []string
		for i := range value.List().Len() {
			members = append(members, escape(value.List().Get(i).String()))
		}
		return "[" + strings.Join(members, ", ") + "]"
	case c.Kind() == protoreflect.MessageKind:
		switch inner := value.Message().Interface().(type) {
		case *adminv1.Table:
			return tableText(inner)
		case *durationpb.Duration:
			return inner.AsDuration().Round(time.Second).String()
		}
	case c.HasPresence() && !m.Has(c):
		return ""
	}
	return escape(value.String())
}

// tableText is a field table the way Erlang prints it: [{"x-max-length",10},{"x-queue-type","classic"}].
func tableText(t *adminv1.Table) string {
	var pairs []string
	for _, field := range t.GetFields() {
		pairs = append(pairs, "{"+quote(field.GetName())+","+valueText(field.GetValue())+"}")
	}
	return "[" + strings.Join(pairs, ",") + "]"
}

func valueText(v *adminv1.Value) string {
	switch kind := v.GetKind().(type) {
	case *adminv1.Value_Boolean:
		return strconv.FormatBool(kind.Boolean)
	case *adminv1.Value_Integer:
		return strconv.FormatInt(kind.Integer, 10)
	case *adminv1.Value_Timestamp:
		return strconv.FormatInt(kind.Timestamp, 10)
	case *adminv1.Value_Number:
		return strconv.FormatFloat(kind.Number, 'g', -1, 64)
	case *adminv1.Value_Decimal:
		return kind.Decimal
	case *adminv1.Value_Text:
		return quote(kind.Text)
	case *adminv1.Value_Binary:
		return quote(string(kind.Binary))
	case *adminv1.Value_Table:
		return tableText(kind.Table)
	case *adminv1.Value_Array:
		var elements []string
		for _, element := range kind.Array.GetValues() {
			elements = append(elements, valueText(element))
		}
		return "[" + strings.Join(elements, ",") + "]"
	}
	return "undefined"
}

func quote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(escape(s)) + `"`
}

// escape writes control characters as \ooo.
// Differs: RabbitMQ prints names as they are. A client chooses them, and could end a row or speak to the terminal.
func escape(s string) string {
	if !strings.ContainsFunc(s, isControl) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if isControl(r) {
			fmt.Fprintf(&b, `\%03o`, r)
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func isControl(r rune) bool {
	return r < 32 || r >= 127 && r < 160
}
