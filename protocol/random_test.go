package protocol

import (
	"math/rand/v2"
)

// randomTable makes tables of every field type, nested now and then.
func randomTable(r *rand.Rand, depth int) Table {
	t := Table{}
	for range r.IntN(6) {
		t[randomText(r, 12)] = randomValue(r, depth)
	}
	return t
}

func randomText(r *rand.Rand, n int) string {
	b := make([]byte, r.IntN(n+1))
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return string(b)
}

func randomValue(r *rand.Rand, depth int) any {
	kinds := 17
	if depth == 0 {
		kinds = 15
	}
	switch r.IntN(kinds) {
	case 0:
		return nil
	case 1:
		return r.IntN(2) == 1
	case 2:
		return randomText(r, 300)
	case 3:
		return []byte(randomText(r, 40))
	case 4:
		return int8(r.Uint32())
	case 5:
		return uint8(r.Uint32())
	case 6:
		return int16(r.Uint32())
	case 7:
		return uint16(r.Uint32())
	case 8:
		return int32(r.Uint32())
	case 9:
		return r.Uint32()
	case 10:
		return int64(r.Uint64())
	case 11:
		return r.Float32()
	case 12:
		return r.NormFloat64()
	case 13:
		return Timestamp(r.Uint64())
	case 14:
		return Decimal{Scale: uint8(r.Uint32()), Value: r.Uint32()}
	case 15:
		return randomTable(r, depth-1)
	}
	items := []any{}
	for range r.IntN(4) {
		items = append(items, randomValue(r, depth-1))
	}
	return items
}

func randomProperties(r *rand.Rand) Properties {
	p := Properties{Present: PropertyFlags(r.Uint32()) & knownProperties}
	for flag := PropContentType; flag >= PropClusterID; flag >>= 1 {
		if !p.Has(flag) {
			continue
		}
		switch flag {
		case PropHeaders:
			p.Headers = randomTable(r, 3)
		case PropDeliveryMode, PropPriority:
			*p.octet(flag) = uint8(r.Uint32())
		case PropTimestamp:
			p.Timestamp = Timestamp(r.Uint64())
		default:
			*p.text(flag) = randomText(r, 255)
		}
	}
	return p
}
