package definitions

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"warren/protocol"
)

// Arguments is a field table as a JSON object. As in RabbitMQ the types of AMQP are not kept: every integer comes back as a long,
// every fraction as a double, a byte array as a string, a timestamp as a number.
type Arguments protocol.Table

// MarshalJSON writes the members in order. What JSON cannot hold is an error, since it would be another table that comes back.
func (a Arguments) MarshalJSON() ([]byte, error) {
	v, err := plain(protocol.Table(a))
	if err != nil {
		return nil, err
	}
	return encode(v)
}

// plain turns a field value into one that encoding/json knows.
func plain(v any) (any, error) {
	switch v := v.(type) {
	case string:
		if !utf8.ValidString(v) {
			return nil, fmt.Errorf("%q is no UTF-8, and JSON holds nothing else", v)
		}
		return v, nil
	case []byte:
		return plain(string(v))
	case float32:
		return plain(float64(v))
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("JSON has no number for %v", v)
		}
		// With a point, so that it comes back as what it is.
		b, err := json.Marshal(v)
		if err == nil && !bytes.ContainsAny(b, ".e") {
			b = append(b, ".0"...)
		}
		return json.RawMessage(b), err
	case protocol.Timestamp:
		return uint64(v), nil
	case protocol.Decimal:
		return float64(v.Value) / math.Pow10(int(v.Scale)), nil
	case protocol.Table:
		members := make(map[string]any, len(v))
		for name, value := range v {
			if !utf8.ValidString(name) {
				return nil, fmt.Errorf("the name %q is no UTF-8, and JSON holds nothing else", name)
			}
			value, err := plain(value)
			if err != nil {
				return nil, fmt.Errorf("argument '%s': %w", name, err)
			}
			members[name] = value
		}
		return members, nil
	case []any:
		elements := make([]any, len(v))
		for i := range v {
			var err error
			if elements[i], err = plain(v[i]); err != nil {
				return nil, err
			}
		}
		return elements, nil
	}
	return v, nil // nil, a boolean or an integer
}

// UnmarshalJSON reads an object, or the empty list that RabbitMQ once wrote for an empty one.
func (a *Arguments) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return err
	}
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		if len(v) == 0 {
			return nil
		}
	case map[string]any:
		t, err := field(v)
		if err != nil {
			return err
		}
		*a = Arguments(t.(protocol.Table))
		return protocol.Table(*a).Validate()
	}
	return errors.New("arguments are no JSON object")
}

// field turns a value of encoding/json into a field value (rabbit_misc:to_amqp_table).
func field(v any) (any, error) {
	switch v := v.(type) {
	case json.Number:
		if strings.ContainsAny(v.String(), ".eE") {
			return v.Float64()
		}
		n, err := strconv.ParseInt(v.String(), 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s does not fit into a long", v)
		}
		return n, nil
	case map[string]any:
		t := make(protocol.Table, len(v))
		for name, value := range v {
			value, err := field(value)
			if err != nil {
				return nil, err
			}
			t[name] = value
		}
		return t, nil
	case []any:
		elements := make([]any, len(v))
		for i := range v {
			var err error
			if elements[i], err = field(v[i]); err != nil {
				return nil, err
			}
		}
		return elements, nil
	}
	return v, nil // nil, a boolean or a string
}

// encode is json.Marshal without its caution for HTML.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err := e.Encode(v)
	return bytes.TrimSpace(b.Bytes()), err
}
