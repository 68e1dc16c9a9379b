package main

import (
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// column is a field of what is listed: the columns of a command are the fields of its message, under RabbitMQ's names.
type column = protoreflect.FieldDescriptor

// title is a column's name. apply-to, which no field can be called, is the name of its field in JSON.
func title(c column) string {
	if strings.Contains(c.JSONName(), "-") {
		return c.JSONName()
	}
	return string(c.Name())
}

func columnNames(item proto.Message) []string {
	var names []string
	fields := item.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		names = append(names, string(fields.Get(i).Name()))
	}
	return names
}

// chooseColumns finds the columns asked for, in the order asked for and each once, or takes all. As in RabbitMQ they may also be
// separated by commas, and an unknown one is an error before anything is asked of the broker.
func chooseColumns(item proto.Message, args []string) ([]column, error) {
	names := strings.FieldsFunc(strings.Join(args, ","), func(r rune) bool { return r == ',' || r == ' ' })
	if len(names) == 0 {
		names = columnNames(item)
	}
	fields := item.ProtoReflect().Descriptor().Fields()
	var columns []column
	var unknown []string
	for _, name := range names {
		c := fields.ByName(protoreflect.Name(name))
		switch {
		case c == nil:
			unknown = append(unknown, name)
		case !slices.Contains(columns, c):
			columns = append(columns, c)
		}
	}
	if len(unknown) > 0 {
		return nil, usage("Info key(s) %s are not supported. Those there are: %s",
			strings.Join(unknown, ","), strings.Join(columnNames(item), ", "))
	}
	return columns, nil
}
