package amqp091

import (
	"warren/protocol"
)

// RawTable is a field table as it came, length prefix included. Parsing a method only checks that it is all there;
// Decode finds out whether it is a table. The zero value is the empty table.
type RawTable []byte

// EncodeTable is how a table gets into a method that we send.
func EncodeTable(t protocol.Table) RawTable {
	return protocol.AppendTable(nil, t)
}

// Decode reads the table. The result owns its memory.
func (raw RawTable) Decode() (protocol.Table, error) {
	if len(raw) == 0 {
		return protocol.Table{}, nil
	}
	t, rest, err := protocol.ParseTable(raw)
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, protocol.SyntaxError("%d bytes behind a table", len(rest))
	}
	return t, nil
}

func (raw RawTable) append(dst []byte) []byte {
	if len(raw) == 0 {
		return append(dst, 0, 0, 0, 0)
	}
	return append(dst, raw...)
}
