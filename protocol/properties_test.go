package protocol

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"reflect"
	"testing"
)

// AMQP 0-9-1 section 4.2.6.1 and contract P-30: 14 properties in order, flags from bit 15 down. The bytes are RabbitMQ
// 3.10.8's (rabbit_framing_amqp_0_9_1:encode_properties).
func TestPropertiesAll(t *testing.T) {
	raw := unhex(t,
		"fffc"+"0161"+"0162"+"00000004016b4207"+"02"+"09"+"0163"+"0164"+"03313030"+"0165"+"000000006553f100"+"0166"+"0167"+"0168"+"0169")
	want := Properties{
		Present: knownProperties, ContentType: "a", ContentEncoding: "b", Headers: Table{"k": uint8(7)}, DeliveryMode: 2, Priority: 9,
		CorrelationID: "c", ReplyTo: "d", Expiration: "100", MessageID: "e", Timestamp: 1700000000, Type: "f", UserID: "g", AppID: "h", ClusterID: "i",
	}
	got, err := ParseProperties(raw)
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%+v, %v", got, err)
	}
	if again := got.Append(nil); !bytes.Equal(again, raw) {
		t.Errorf("written as %x", again)
	}
	want.Present = 0 // fields that are not zero are present anyway
	if again := want.Append(nil); !bytes.Equal(again, raw) {
		t.Errorf("without flags %x", again)
	}
	s, err := ScanProperties(raw)
	if err != nil || s.DeliveryMode != DeliveryPersistent || s.Priority != 9 || string(s.Expiration) != "100" ||
		string(s.UserID) != "g" || string(s.ReplyTo) != "d" || !bytes.Equal(s.Headers, raw[6:14]) || s.Present != knownProperties {
		t.Errorf("%+v, %v", s, err)
	}
}

// An empty property is not an absent one, and both survive.
func TestPropertiesPresence(t *testing.T) {
	var none Properties
	if raw := none.Append(nil); !bytes.Equal(raw, []byte{0, 0}) {
		t.Errorf("none: %x", raw)
	}
	raw := unhex(t, "2900 00000000 00 00")
	p, err := ParseProperties(raw)
	if err != nil || !p.Has(PropHeaders) || !p.Has(PropPriority) || !p.Has(PropExpiration) || p.Has(PropType) {
		t.Fatalf("%+v, %v", p, err)
	}
	if again := p.Append(nil); !bytes.Equal(again, raw) {
		t.Errorf("%x", again)
	}
	s, err := ScanProperties(raw)
	if err != nil || !s.Has(PropPriority) || !s.Has(PropExpiration) || s.Expiration == nil || len(s.Headers) != 4 {
		t.Errorf("%+v, %v", s, err)
	}
	for flag := PropContentType; flag >= PropClusterID; flag >>= 1 {
		p.Clear(flag)
	}
	if !reflect.DeepEqual(p, Properties{}) {
		t.Errorf("cleared: %+v", p)
	}
	// RabbitMQ 3.10.8 ignores the two low bits.
	if s, err := ScanProperties([]byte{0, 3}); err != nil || s.Present != 0 {
		t.Errorf("%+v, %v", s, err)
	}
}

// Whatever does not fit is refused, by the parser and by the scanner alike.
func TestPropertiesRefused(t *testing.T) {
	for name, s := range map[string]string{
		"nothing": "", "half the flags": "80", "no value": "8000", "short text": "8000 02 61", "trailing": "0000 00",
		"no delivery mode": "1000", "short timestamp": "0040 00000000000000", "bad headers": "2000 00000003 01615a", "short headers": "2000 00000003 0161",
	} {
		raw := unhex(t, s)
		_, err := ParseProperties(raw)
		_, scanErr := ScanProperties(raw)
		if err == nil || scanErr == nil || err.Error() != scanErr.Error() {
			t.Errorf("%s: parse %v, scan %v", name, err, scanErr)
		}
	}
}

// Random properties come back equal; looking at them costs no allocation.
func TestPropertiesRandom(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		want := randomProperties(r)
		raw := want.Append(nil)
		checkScan(t, raw, want)
		got, err := ParseProperties(raw)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("%+v became %+v, %v", want, got, err)
		}
		if n := testing.AllocsPerRun(1, func() { _, err = ScanProperties(raw) }); n != 0 || err != nil {
			t.Fatalf("scan: %v allocations, %v", n, err)
		}
	}
}

// checkScan compares what the scanner sees of raw with what the parser read.
func checkScan(t *testing.T, raw []byte, p Properties) {
	t.Helper()
	s, err := ScanProperties(raw)
	if err != nil {
		t.Fatal(err)
	}
	if s.Present != p.Present || s.DeliveryMode != p.DeliveryMode || s.Priority != p.Priority ||
		string(s.Expiration) != p.Expiration || string(s.UserID) != p.UserID || string(s.ReplyTo) != p.ReplyTo {
		t.Fatalf("scan %+v, parse %+v", s, p)
	}
	if s.Headers == nil {
		if p.Headers != nil {
			t.Fatal("the scanner missed the headers")
		}
		return
	}
	headers, rest, err := ParseTable(s.Headers)
	if err != nil || len(rest) != 0 || !EqualTable(headers, p.Headers) {
		t.Fatalf("scan headers %v, parse %v, %v", headers, p.Headers, err)
	}
}

func TestLookupProperty(t *testing.T) {
	// Contract X-09: a property as it stands among the others, whichever they are.
	for i := range uint64(200) {
		p := randomProperties(rand.New(rand.NewPCG(i, 2)))
		raw := p.Append(nil)
		for flag, want := range map[PropertyFlags]string{
			PropMessageID: p.MessageID, PropCorrelationID: p.CorrelationID, PropClusterID: p.ClusterID, PropContentType: p.ContentType,
			PropTimestamp: string(binary.BigEndian.AppendUint64(nil, uint64(p.Timestamp))),
		} {
			got, err := LookupProperty(raw, flag)
			if err != nil || (got != nil) != p.Has(flag) || got != nil && string(got) != want {
				t.Fatalf("%+v, %x: got %q, %v", p, flag, got, err)
			}
		}
		for cut := range raw {
			for _, flag := range []PropertyFlags{PropMessageID, PropTimestamp, PropClusterID} {
				_, _ = LookupProperty(raw[:cut], flag) // it must not run beyond
			}
		}
	}
}
