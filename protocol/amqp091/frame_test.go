package amqp091

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"warren/protocol"
)

// Contract P-02: refused frames, with RabbitMQ's code and words (rabbit_reader:frame_error).
func TestParseFrameRefused(t *testing.T) {
	const maxPayload = 131064
	for name, c := range map[string]struct {
		bytes string
		code  uint16
		text  string
	}{
		"end octet": {"\x03\x00\x01\x00\x00\x00\x14\x01\x00\x00\x00\x16\x00\x3c\x00\x28\x00\x00\x0dorderxyz6", 501,
			"type 3, first 16 octets = <<1,0,0,0,22,0,60,0,40,0,0,13,111,114,100,101>>: {invalid_frame_end_marker,54}"},
		"end octet of text": {"\x03\x00\x01\x00\x00\x00\x03a\"\n\x00", 501,
			`type 3, all octets = <<"a\"\n">>: {invalid_frame_end_marker,0}`},
		"end octet before type":    {"\x09\x00\x01\x00\x00\x00\x00\x00", 501, "type 9, all octets = <<>>: {invalid_frame_end_marker,0}"},
		"too large, header alone":  {"\x03\x00\x01\x00\x02\x00\x01", 501, "type 3, all octets = <<>>: {frame_too_large,131073,131064}"},
		"far too large":            {"\xff\x00\x01\xff\xff\xff\xff", 501, "type 255, all octets = <<>>: {frame_too_large,4294967295,131064}"},
		"unknown type":             {"\x04\x00\x01\x00\x00\x00\x02ab\xce", 501, `type 4, all octets = <<"ab">>: unknown_frame`},
		"heartbeat with a payload": {"\x08\x00\x00\x00\x00\x00\x01\x00\xce", 501, "type 8, all octets = <<0>>: unknown_frame"},
		"heartbeat on a channel":   {"\x08\x00\x01\x00\x00\x00\x00\xce", 505, "type 8, all octets = <<>>"},
		"method without id":        {"\x01\x00\x00\x00\x00\x00\x03\x00\x0a\x00\xce", 501, "type 1, all octets = <<0,10,0>>: unknown_frame"},
		"header without size":      {"\x02\x00\x01\x00\x00\x00\x02\x00\x3c\xce", 501, "type 2, all octets = <<0,60>>: unknown_frame"},
	} {
		f, n, err := ParseFrame([]byte(c.bytes), maxPayload)
		var e *protocol.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Text != c.text || n != 0 || f.Payload != nil {
			t.Errorf("%s: %+v, %d,\ngot  %v\nwant %d %s", name, f, n, err, c.code, c.text)
		}
	}
}

// A frame is taken when its last byte is there, and whatever follows it does not matter.
func TestParseFrameNeedsMore(t *testing.T) {
	b := AppendBody(nil, 7, []byte("body"), 0)
	for n := range b {
		if f, took, err := ParseFrame(b[:n], 10); took != 0 || err != nil || f.Payload != nil {
			t.Fatalf("%d bytes: %+v, %d, %v", n, f, took, err)
		}
	}
	f, took, err := ParseFrame(append(b, "AMQP"...), 10)
	if err != nil || took != len(b) || f.Type != FrameBody || f.Channel != 7 || string(f.Payload) != "body" || cap(f.Payload) != 4 {
		t.Fatalf("%+v, %d, %v", f, took, err)
	}
	if f, took, err = ParseFrame(AppendHeartbeat(nil), 10); err != nil || took != FrameOverhead || f.Type != FrameHeartbeat {
		t.Fatalf("%+v, %d, %v", f, took, err)
	}
	if f, took, err = ParseFrame([]byte("\x03\x00\x01\x00\x00\x00\x00\xce"), 10); err != nil || took != FrameOverhead || f.Type != FrameBody {
		t.Fatalf("empty body frame: %+v, %d, %v", f, took, err)
	}
}

// Contract P-02: a payload may exceed frame_max - 8 by 8, and not by 9.
func TestParseFrameSlack(t *testing.T) {
	for over := range 10 {
		b := AppendBody(nil, 1, make([]byte, 100+over), 0)
		_, n, err := ParseFrame(b, 100)
		if (err == nil) != (over <= FrameSlack) || (n == len(b)) != (over <= FrameSlack) {
			t.Errorf("%d bytes over: %d, %v", over, n, err)
		}
	}
}

// what the broker notes in the unused bits of the property flags does not leave it.
func TestAppendContentHeaderHidesMarks(t *testing.T) {
	properties := []byte{0x10, 3, 2}
	b := AppendContentHeader(nil, 3, ClassBasic, 1, properties)
	if want := AppendContentHeader(nil, 3, ClassBasic, 1, []byte{0x10, 0, 2}); !bytes.Equal(b, want) || properties[1] != 3 {
		t.Errorf("%x, want %x; %x", b, want, properties)
	}
}

// AMQP 0-9-1 section 4.2.6.1: the weight is always zero.
func TestParseContentHeader(t *testing.T) {
	b := AppendContentHeader(nil, 3, ClassBasic, 1<<40, []byte{0x10, 0, 2})
	f, _, err := ParseFrame(b, 100)
	if err != nil {
		t.Fatal(err)
	}
	h, err := ParseContentHeader(f.Payload)
	if err != nil || h.Class != ClassBasic || h.BodySize != 1<<40 || string(h.Properties) != "\x10\x00\x02" {
		t.Fatalf("%+v, %v", h, err)
	}
	f.Payload[3] = 1
	var e *protocol.Error
	if _, err = ParseContentHeader(f.Payload); !errors.As(err, &e) || e.Code != protocol.ReplyUnexpectedFrame {
		t.Errorf("weight 1: %v", err)
	}
	if _, err = ParseContentHeader(f.Payload[:11]); !errors.As(err, &e) || e.Code != protocol.ReplyFrameError {
		t.Errorf("11 bytes: %v", err)
	}
}

// Arguments that are cut short or followed by something are 502 and name their method.
func TestParseMethodRefused(t *testing.T) {
	for _, m := range allMethods(t) {
		payload := fill(m).Append(nil)
		for n := 4; n < len(payload); n++ {
			wantError(t, m, payload[:n], protocol.ReplySyntaxError)
		}
		wantError(t, m, append(payload, 0), protocol.ReplySyntaxError)
	}
	for _, payload := range []string{"", "\x00\x3c\x00"} {
		if _, err := ParseMethod([]byte(payload)); err == nil {
			t.Errorf("%x accepted", payload)
		}
	}
	_, err := ParseMethod([]byte{0, 60, 0, 41, 0})
	var e *protocol.Error
	if !errors.As(err, &e) || e.Code != protocol.ReplyNotImplemented || e.Class != 60 || e.Method != 41 {
		t.Errorf("unknown method: %v", err)
	}
}

func wantError(t *testing.T, m Method, payload []byte, code uint16) {
	t.Helper()
	_, err := ParseMethod(payload)
	var e *protocol.Error
	if !errors.As(err, &e) || e.Code != code || MethodID(e.Class)<<16|MethodID(e.Method) != m.ID() || !strings.Contains(e.Text, m.ID().String()) {
		t.Errorf("%s %x: %v", m.ID(), payload, err)
	}
}

// Contract P-26: names are UTF-8, else 501. A routing key of a publish is any bytes.
func TestParseMethodUTF8(t *testing.T) {
	bad := &QueueDeclare{Queue: "\xff"}
	_, err := ParseMethod(bad.Append(nil))
	var e *protocol.Error
	if !errors.As(err, &e) || e.Code != protocol.ReplyFrameError || e.Text != "Malformed UTF-8 in shortstr" || e.Class != 50 || e.Method != 10 {
		t.Error(err)
	}
	if _, err := ParseMethod((&BasicPublish{RoutingKey: "\xff"}).Append(nil)); err != nil {
		t.Error(err)
	}
}

// Contract P-30: four methods carry content. Names are the specification's.
func TestMethodID(t *testing.T) {
	var carriers []string
	for _, m := range allMethods(t) {
		id := m.ID()
		if id.HasContent() {
			carriers = append(carriers, id.String())
		}
		if id != MethodID(id.Class())<<16|MethodID(id.Method()) {
			t.Errorf("%s: %d.%d", id, id.Class(), id.Method())
		}
	}
	if got := strings.Join(carriers, " "); got != "basic.publish basic.return basic.deliver basic.get-ok" {
		t.Error(got)
	}
	if got := MethodID(60<<16 | 41).String(); got != "60.41" {
		t.Error(got)
	}
	if MethodExchangeUnbindOk.Method() != 51 || MethodConnectionUpdateSecretOk != 10<<16|71 || MethodBasicNack.Method() != 120 {
		t.Error("extensions have other ids")
	}
}

// A table in a method is read when somebody asks, and then to its last byte.
func TestRawTable(t *testing.T) {
	if table, err := RawTable(nil).Decode(); err != nil || table == nil || len(table) != 0 {
		t.Error(table, err)
	}
	if table, err := EncodeTable(protocol.Table{"k": true}).Decode(); err != nil || table["k"] != true {
		t.Error(table, err)
	}
	if _, err := (RawTable{0, 0, 0, 0, 1}).Decode(); err == nil {
		t.Error("bytes behind the table accepted")
	}
	if _, err := (RawTable{0, 0, 0, 3, 1, 'a', 'Z'}).Decode(); err == nil {
		t.Error("unknown type accepted")
	}
}

// A name that does not fit a short string is a bug of ours.
func TestLongShortstrPanics(t *testing.T) {
	long := strings.Repeat("x", 256)
	for name, f := range map[string]func(){
		"append":  func() { (&BasicConsumeOk{ConsumerTag: long}).Append(nil) },
		"deliver": func() { AppendDeliver(nil, 1, "t", 1, false, long, "") },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
}
