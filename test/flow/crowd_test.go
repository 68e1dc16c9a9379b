package flow

import (
	"slices"
	"sync"
	"testing"
	"time"

	"warren/test/broker"
	"warren/test/raw"
)

// crowdBytes is the memory of the machine that the crowd meets.
const crowdBytes = 512 << 20

// a thousand connections that publish a message of 1 MiB at once, which is twice what the machine has. All are confirmed, and all
// are there afterwards.
func TestBounded_ThousandLargeAtOnce(t *testing.T) {
	const connections, size, frame = 1000, 1 << 20, 131072 - 8
	b := broker.Start(t, broker.NoRace(), broker.Set("total_memory_available_override_value", "512MiB"))
	q := queueFor(t, channelOn(t, connectTo(t, b.URI())))
	crowd := make([]*raw.Conn, connections)
	for i := range crowd {
		crowd[i] = raw.Open(t, b.Addr)
		crowd[i].OpenChannel(1)
		crowd[i].Method(1, raw.ConfirmSelect, raw.Fields{}.Octet(0))
		crowd[i].Expect(1, raw.ConfirmSelectOk)
	}
	w := watch(t, b)
	w.highest = crowdBytes / 5 * 2 / 10 * 11
	message := raw.MethodFrame(1, raw.BasicPublish, raw.Fields{}.Short(0).ShortStr("").ShortStr(q).Octet(0))
	message = append(message, raw.ContentHeader(1, size)...)
	for piece := range slices.Chunk(make([]byte, size), frame) {
		message = append(message, raw.Body(1, piece)...)
	}
	began := time.Now()
	var published sync.WaitGroup
	for _, c := range crowd {
		published.Go(func() {
			if _, err := c.Write(message); err != nil {
				t.Errorf("publish: %v", err)
				return
			}
			_ = c.SetReadDeadline(began.Add(2 * time.Minute))
			if f, err := raw.ReadFrame(c.Conn); err != nil || f.Method() != raw.BasicAck {
				t.Errorf("instead of a confirm: %v, %v", f, err)
			}
		})
	}
	published.Wait()
	if t.Failed() {
		return
	}
	t.Logf("all confirmed after %v", time.Since(began))
	ch := channelOn(t, connectTo(t, b.URI()))
	must(t, ch.Qos(20, 0, false))
	deliveries := consume(t, ch, q, false)
	for range connections {
		d := next(t, deliveries, "a delivery")
		if len(d.Body) != size {
			t.Fatalf("%d bytes", len(d.Body))
		}
		must(t, d.Ack(false))
	}
	w.held(t, connections, size, 10)
}
