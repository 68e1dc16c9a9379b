package admin

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"

	adminv1 "warren/proto/admin/v1"
	"warren/protocol"
)

// Table turns a field table into one for the eye, its keys in order.
func Table(t protocol.Table) *adminv1.Table {
	table := &adminv1.Table{}
	for _, name := range slices.Sorted(maps.Keys(t)) {
		table.Fields = append(table.Fields, &adminv1.Field{Name: name, Value: value(t[name])})
	}
	return table
}

// value takes the types that protocol.Table lists; nil becomes a Value without a kind.
func value(v any) *adminv1.Value {
	switch v := v.(type) {
	case nil:
		return &adminv1.Value{}
	case bool:
		return &adminv1.Value{Kind: &adminv1.Value_Boolean{Boolean: v}}
	case int8:
		return integer(int64(v))
	case uint8:
		return integer(int64(v))
	case int16:
		return integer(int64(v))
	case uint16:
		return integer(int64(v))
	case int32:
		return integer(int64(v))
	case uint32:
		return integer(int64(v))
	case int64:
		return integer(v)
	case int:
		return integer(int64(v))
	case float32:
		return &adminv1.Value{Kind: &adminv1.Value_Number{Number: float64(v)}}
	case float64:
		return &adminv1.Value{Kind: &adminv1.Value_Number{Number: v}}
	case string:
		return &adminv1.Value{Kind: &adminv1.Value_Text{Text: v}}
	case []byte:
		return &adminv1.Value{Kind: &adminv1.Value_Binary{Binary: v}}
	case protocol.Timestamp:
		return &adminv1.Value{Kind: &adminv1.Value_Timestamp{Timestamp: int64(min(v, math.MaxInt64))}}
	case protocol.Decimal:
		return &adminv1.Value{Kind: &adminv1.Value_Decimal{Decimal: decimal(v)}}
	case protocol.Table:
		return &adminv1.Value{Kind: &adminv1.Value_Table{Table: Table(v)}}
	case []any:
		array := &adminv1.Array{}
		for _, element := range v {
			array.Values = append(array.Values, value(element))
		}
		return &adminv1.Value{Kind: &adminv1.Value_Array{Array: array}}
	}
	panic(fmt.Sprintf("admin: a field table holds a %T, which no wire type becomes", v))
}

func integer(n int64) *adminv1.Value {
	return &adminv1.Value{Kind: &adminv1.Value_Integer{Integer: n}}
}

// decimal writes all digits: Value / 10^Scale.
func decimal(d protocol.Decimal) string {
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(d.Scale)), nil)
	return new(big.Rat).SetFrac(big.NewInt(int64(d.Value)), scale).FloatString(int(d.Scale))
}
