package policy

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"warren/protocol"
)

// term prints a value of a definition as RabbitMQ's texts do: as Erlang prints what it makes of the JSON.
func term(v any) string {
	switch v := v.(type) {
	case nil:
		return "null"
	case string:
		return protocol.Binary(v)
	case float64:
		s := strconv.FormatFloat(v, 'g', -1, 64)
		if !strings.ContainsAny(s, ".e") {
			s += ".0"
		}
		return s
	case []any:
		terms := make([]string, len(v))
		for i := range v {
			terms[i] = term(v[i])
		}
		return "[" + strings.Join(terms, ",") + "]"
	case protocol.Table:
		var members []string
		for _, name := range slices.Sorted(maps.Keys(v)) {
			members = append(members, term(name)+" => "+term(v[name]))
		}
		return "#{" + strings.Join(members, ",") + "}"
	}
	return fmt.Sprint(v) // a boolean or an integer
}
