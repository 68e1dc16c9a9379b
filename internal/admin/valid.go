package admin

import (
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// makeValid replaces bytes that are not UTF-8 in all strings of a message. Routing keys, consumer tags and client properties are
// whatever a client sent, and protobuf would refuse the whole list for one of them.
func makeValid(message any) {
	if m, ok := message.(proto.Message); ok && m != nil {
		makeMessageValid(m.ProtoReflect())
	}
}

func makeMessageValid(m protoreflect.Message) {
	m.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch {
		case field.IsList():
			makeListValid(field.Kind(), value.List())
		case field.Kind() == protoreflect.MessageKind:
			makeMessageValid(value.Message())
		case field.Kind() == protoreflect.StringKind && !utf8.ValidString(value.String()):
			m.Set(field, validString(value))
		}
		return true
	})
}

func makeListValid(kind protoreflect.Kind, list protoreflect.List) {
	for i := range list.Len() {
		switch kind {
		case protoreflect.MessageKind:
			makeMessageValid(list.Get(i).Message())
		case protoreflect.StringKind:
			list.Set(i, validString(list.Get(i)))
		}
	}
}

func validString(value protoreflect.Value) protoreflect.Value {
	return protoreflect.ValueOfString(strings.ToValidUTF8(value.String(), "\uFFFD"))
}
