package admin

import (
	"encoding/json"
	"testing"

	"google.golang.org/protobuf/encoding/protojson"

	"warren/protocol"
)

// AMQP 0-9-1 section 4.2.5.5: every type of a field table can be shown.
func TestTable(t *testing.T) {
	got, err := protojson.Marshal(Table(protocol.Table{
		"S": "s", "I": int32(-1), "l": int64(2), "s": int16(3), "b": int8(-4), "t": true, "D": protocol.Decimal{Scale: 2, Value: 125},
		"F": protocol.Table{"a": []any{uint32(5), nil}}, "V": nil, "x": []byte("x"), "u": uint16(6), "B": uint8(7), "d": 1.5,
		"f": float32(2.5), "T": protocol.Timestamp(8),
	}))
	if err != nil {
		t.Fatal(err)
	}
	var compact map[string][]map[string]any
	if err := json.Unmarshal(got, &compact); err != nil {
		t.Fatal(err)
	}
	got, _ = json.Marshal(compact["fields"])
	const want = `[{"name":"B","value":{"integer":"7"}},{"name":"D","value":{"decimal":"1.25"}},` +
		`{"name":"F","value":{"table":{"fields":[{"name":"a","value":{"array":{"values":[{"integer":"5"},{}]}}}]}}},` +
		`{"name":"I","value":{"integer":"-1"}},{"name":"S","value":{"text":"s"}},{"name":"T","value":{"timestamp":"8"}},` +
		`{"name":"V","value":{}},{"name":"b","value":{"integer":"-4"}},{"name":"d","value":{"number":1.5}},` +
		`{"name":"f","value":{"number":2.5}},{"name":"l","value":{"integer":"2"}},{"name":"s","value":{"integer":"3"}},` +
		`{"name":"t","value":{"boolean":true}},{"name":"u","value":{"integer":"6"}},{"name":"x","value":{"binary":"eA=="}}]`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
