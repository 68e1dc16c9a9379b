package amqp091

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"warren/protocol"
)

// Any bytes: no panic, nothing read beyond what was there, and a frame that was read is written as the same bytes.
func FuzzFrame(f *testing.F) {
	for _, m := range allMethods(f) {
		f.Add(AppendMethod(nil, 1, fill(m)), 100)
	}
	f.Add(AppendHeartbeat(nil), 0)
	f.Add(AppendBody(nil, 3, []byte("body"), 0), 2)
	f.Add(AppendContentHeader(nil, 3, ClassBasic, 5, []byte{0, 0}), 20)
	f.Fuzz(func(t *testing.T, b []byte, maxPayload int) {
		frame, n, err := ParseFrame(b, maxPayload)
		if n < 0 || n > len(b) || err != nil && n != 0 {
			t.Fatalf("%d of %d bytes, %v", n, len(b), err)
		}
		if n == 0 {
			return
		}
		if maxPayload > 0 && len(frame.Payload) > maxPayload+FrameSlack {
			t.Fatalf("payload of %d bytes, limit %d", len(frame.Payload), maxPayload)
		}
		again := append(AppendFrameHeader(nil, frame.Type, frame.Channel, len(frame.Payload)), frame.Payload...)
		if again = append(again, FrameEnd); !bytes.Equal(again, b[:n]) {
			t.Fatalf("%x became %x", b[:n], again)
		}
		for cut := range n {
			if _, took, err := ParseFrame(b[:cut], maxPayload); took != 0 || err != nil {
				t.Fatalf("%d of %d bytes: took %d, %v", cut, n, took, err)
			}
		}
	})
}

// Any payload: no panic, and what was read is written so that it reads the same.
func FuzzMethod(f *testing.F) {
	for _, m := range allMethods(f) {
		f.Add(fill(m).Append(nil))
	}
	f.Fuzz(func(t *testing.T, payload []byte) {
		m, err := ParseMethod(payload)
		if err != nil {
			if _, ok := err.(*protocol.Error); !ok {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		before := m.Append(nil)
		again, err := ParseMethod(before)
		if err != nil || !reflect.DeepEqual(again, m) {
			t.Fatalf("%+v became %+v, %v", m, again, err)
		}
		decodeTables(t, m)
	})
}

// decodeTables decodes every table of m, and holds what it decodes to what it writes.
func decodeTables(t *testing.T, m Method) {
	v := reflect.ValueOf(m).Elem()
	for i := range v.NumField() {
		raw, ok := v.Field(i).Interface().(RawTable)
		if !ok {
			continue
		}
		table, err := raw.Decode()
		if err != nil {
			continue
		}
		again, err := EncodeTable(table).Decode()
		if err != nil || !protocol.EqualTable(table, again) {
			t.Fatalf("%#v became %#v, %v", table, again, err)
		}
	}
}

// Any content header: what was read is written as the same bytes, but for the two flag bits that mean nothing, and its properties are looked at.
func FuzzContentHeader(f *testing.F) {
	f.Add(AppendContentHeader(nil, 1, ClassBasic, 5, []byte{0, 0})[FrameHeaderSize:])
	p := protocol.Properties{ContentType: "a", Priority: 3, Headers: protocol.Table{"k": "v"}, Expiration: "10"}
	header := AppendContentHeader(nil, 1, ClassBasic, 5, p.Append(nil))
	f.Add(header[FrameHeaderSize : len(header)-1])
	f.Fuzz(func(t *testing.T, payload []byte) {
		h, err := ParseContentHeader(payload)
		if err != nil {
			return
		}
		again := AppendContentHeader(nil, 9, h.Class, h.BodySize, h.Properties)
		protocol.ClearMarks(h.Properties) // and payload's, which they alias
		frame, n, err := ParseFrame(again, 0)
		if err != nil || n != len(again) || !bytes.Equal(frame.Payload, payload) {
			t.Fatalf("%x became %x, %v", payload, again, err)
		}
		_, scanErr := protocol.ScanProperties(h.Properties)
		if _, err := protocol.ParseProperties(h.Properties); (err == nil) != (scanErr == nil) {
			t.Fatalf("parse %v, scan %v", err, scanErr)
		}
	})
}

// The other direction: every method with any arguments comes back equal.
func FuzzMethodEncode(f *testing.F) {
	f.Add(uint64(1), uint64(2))
	f.Fuzz(func(t *testing.T, a, b uint64) {
		roundTrip(t, rand.New(rand.NewPCG(a, b)))
	})
}

// The same with numbers of our own, for runs that do not fuzz.
func TestMethodsRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	for range 100 {
		roundTrip(t, r)
	}
}

func roundTrip(t *testing.T, r *rand.Rand) {
	var stream []byte
	all := allMethods(t)
	for _, m := range all {
		stream = AppendMethod(stream, uint16(m.ID()), randomFill(r, m))
	}
	for _, want := range all {
		frame, n, err := ParseFrame(stream, 0)
		if err != nil || frame.Channel != uint16(want.ID()) {
			t.Fatalf("%s: %+v, %v", want.ID(), frame, err)
		}
		stream = stream[n:]
		if got, err := ParseMethod(frame.Payload); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v became %+v, %v", want, got, err)
		}
	}
	if len(stream) != 0 {
		t.Fatalf("%d bytes left", len(stream))
	}
}

// Any body in frames of any size comes back whole.
func FuzzBody(f *testing.F) {
	f.Add([]byte("hello world"), uint16(1), 16)
	f.Fuzz(func(t *testing.T, body []byte, channel uint16, frameMax int) {
		if frameMax != 0 && frameMax <= FrameOverhead {
			return
		}
		flat := AppendBody(nil, channel, body, frameMax)
		if len(flat) != BodySize(len(body), frameMax) {
			t.Fatalf("%d bytes, BodySize says %d", len(flat), BodySize(len(body), frameMax))
		}
		var joined []byte
		for len(flat) > 0 {
			frame, n, err := ParseFrame(flat, max(frameMax-FrameOverhead, 0))
			if err != nil || n == 0 || frame.Channel != channel {
				t.Fatal(frame, n, err)
			}
			joined, flat = append(joined, frame.Payload...), flat[n:]
		}
		if !bytes.Equal(joined, body) {
			t.Fatalf("%q became %q", body, joined)
		}
	})
}
