package main

import (
	"bytes"
	"testing"
)

// Every message of a batch is whole, and its due time and mark are where a consumer's scanner looks for it.
func TestBatchStampsBodies(t *testing.T) {
	for _, size := range []int{0, 7, 8, 15, 16, 4096, 10_000} {
		b := newBatch(publication{exchange: "e", key: "k", bodyBytes: size, persistent: true}, 4096, 64<<10, 100)
		for i := range b.messages {
			b.stampOne(i, int64(i+1), mark(i+7))
		}
		if b.messages < 1 || b.messages > 100 || len(b.take(b.messages)) != b.messages*b.stride {
			t.Fatalf("size %d: %d messages of %d bytes", size, b.messages, b.stride)
		}
		for i := range b.messages {
			s := scanner{checks: true}
			var r recorder
			s.pending = true // a publish has no delivery tag; the scanner shall take its content as one
			one := b.bytes[i*b.stride : (i+1)*b.stride]
			if done, err := s.scan(one, &r); err != nil || done != len(one) {
				t.Fatalf("size %d: scanned %d of %d: %v", size, done, len(one), err)
			}
			due := int64(i + 1)
			if size < stampBytes {
				due = 0
			}
			m := mark(i + 7)
			if size < markedBytes {
				m = 0
			}
			if len(r.deliveries) != 1 || r.deliveries[0].due != due || r.deliveries[0].mark != m {
				t.Fatalf("size %d message %d: %v", size, i, r.deliveries)
			}
		}
	}
}

// A round goes on where it stopped, so that every queue gets the same.
func TestRoundTakesKeysInTurn(t *testing.T) {
	b := newRound(publication{bodyBytes: 8}, 4096, []string{"a", "b", "c"})
	var keys []byte
	at := bytes.IndexByte(b.bytes, 'a')
	for i := range 7 {
		n := min(2, b.room())
		b.stampOne(0, int64(i), 0)
		one := b.take(n)
		if got := int64(bigEndian.Uint64(one[b.stamp:])); got != int64(i) {
			t.Errorf("due %d instead of %d", got, i)
		}
		for j := range n {
			keys = append(keys, one[j*b.stride+at])
		}
	}
	if string(keys) != "abcabcabcab" {
		t.Errorf("%s", keys)
	}
}
