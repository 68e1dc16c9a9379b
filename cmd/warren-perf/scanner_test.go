package main

import (
	"errors"
	"reflect"
	"testing"
)

type recorder struct {
	deliveries []delivery
	settles    []uint64
	returns    int
}

func (r *recorder) delivered(d delivery)          { r.deliveries = append(r.deliveries, d) }
func (r *recorder) settled(tag uint64, _, _ bool) { r.settles = append(r.settles, tag) }
func (r *recorder) returned()                     { r.returns++ }
func (r *recorder) blocked(bool)                  {}
func (e *encoder) deliver(tag uint64) {
	e.method(basicDeliver)
	e.shortStr("10")
	e.longLong(tag)
	e.octet(flag(tag == 3))
	e.shortStr("")
	e.shortStr("q")
}
func contentHeader(size int) (e encoder) {
	e.short(60)
	e.short(0)
	e.longLong(uint64(size))
	e.short(0)
	return e
}
func appendDelivery(b []byte, tag uint64, bodies ...[]byte) []byte {
	var e encoder
	e.deliver(tag)
	size := 0
	for _, body := range bodies {
		size += len(body)
	}
	b = appendFrame(b, frameMethod, 1, e)
	b = appendFrame(b, frameHeader, 1, contentHeader(size))
	for _, body := range bodies {
		b = appendFrame(b, frameBody, 1, body)
	}
	return b
}

func stamped(due int64, size int) []byte {
	b := make([]byte, size)
	bigEndian.PutUint64(b, uint64(due))
	return b
}

// A read may end anywhere: in a frame header, in a method, in the middle of a body.
func TestScannerAtEverySplit(t *testing.T) {
	var stream []byte
	stream = appendDelivery(stream, 1, bigEndian.AppendUint64(stamped(11, 8), 5))
	stream = appendDelivery(stream, 2)
	stream = appendFrame(stream, frameHeartbeat, 0, nil)
	stream = appendAck(stream, 1, 77, true)
	stream = appendDelivery(stream, 3, stamped(33, 700), make([]byte, 500))
	stream = appendDelivery(stream, 4, []byte("short"))
	want := []delivery{
		{tag: 1, due: 11, mark: 5, queue: 10}, {tag: 2, queue: 10}, {tag: 3, due: 33, queue: 10, redelivered: true},
		{tag: 4, queue: 10},
	}
	for step := 1; step <= len(stream); step++ {
		var r recorder
		s := scanner{checks: true}
		var kept []byte
		for at := 0; at < len(stream); at += step {
			kept = append(kept, stream[at:min(at+step, len(stream))]...)
			done, err := s.scan(kept, &r)
			if err != nil {
				t.Fatalf("step %d at %d: %v", step, at, err)
			}
			kept = append([]byte(nil), kept[done:]...)
		}
		if len(kept) != 0 || !reflect.DeepEqual(r.deliveries, want) || !reflect.DeepEqual(r.settles, []uint64{77}) {
			t.Fatalf("step %d: kept %d, %v, settled %v", step, len(kept), r.deliveries, r.settles)
		}
	}
}

func TestScannerRefusesABrokenFrameEnd(t *testing.T) {
	stream := appendAck(nil, 1, 1, false)
	stream[len(stream)-1] = 0
	if _, err := new(scanner).scan(stream, &recorder{}); !errors.Is(err, errFrame) {
		t.Fatalf("got %v", err)
	}
}

func TestScannerReportsAClose(t *testing.T) {
	var e encoder
	e.method(channelClose)
	e.short(404)
	e.shortStr("NOT_FOUND - no queue")
	e.long(0)
	_, err := new(scanner).scan(appendFrame(nil, frameMethod, 1, e), &recorder{})
	if err == nil || err.Error() != "the broker closed: 404 NOT_FOUND - no queue" {
		t.Fatalf("got %v", err)
	}
}

func BenchmarkScan(b *testing.B) {
	var stream []byte
	const messages = 500
	for i := range messages {
		stream = appendDelivery(stream, uint64(i), stamped(1, 16))
	}
	h := &consumerHandler{consumer: &consumer{autoAck: true}}
	b.ReportAllocs()
	for b.Loop() {
		h.took = h.took[:0]
		if _, err := new(scanner).scan(stream, h); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*messages), "ns/message")
}
