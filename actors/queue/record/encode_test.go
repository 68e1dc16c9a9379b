package record

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"warren/actors/queue/ready"
)

// DESIGN 4 "Bytes": what several queues keep is one buffer, on the way to the disk and in memory. It is what each alone would have
// written, and nothing in it is the publisher's buffer any more.
func TestEncode(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for range 2000 {
		c := ready.Content{Exchange: text(r, 20), Messages: randomMessages(r)}
		before := fmt.Sprintf("%v", c.Messages)
		b, own := Encode(c.Exchange, c.Messages)
		alone, summary := AppendEnqueued(nil, 9, &c)
		if got := append(AppendSummary(nil, 9, &c), b...); !bytes.Equal(got, alone) || len(got)-len(b) != summary {
			t.Fatalf("%q, want %q", got, alone)
		}
		if cap(b) != len(b) {
			t.Errorf("%d bytes in a buffer of %d", len(b), cap(b))
		}
		for i := range c.Messages {
			m := &c.Messages[i]
			clear(m.Body)
			clear(m.Properties)
			m.RoutingKey = "gone"
		}
		for i := range own { // an empty slice is a nil one
			own[i].Body = append([]byte(nil), own[i].Body...)
		}
		if got := fmt.Sprintf("%v", own); got != before {
			t.Fatalf("keeps %s\nof    %s", got, before)
		}
	}
}
