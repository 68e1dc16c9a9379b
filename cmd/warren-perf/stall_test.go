package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// stallingBroker is a broker of one queue that takes publishes, confirms and delivers them, and stands still in between: it neither
// reads nor writes from one moment to another.
type stallingBroker struct {
	t           *testing.T
	from, until time.Duration // after the first publish
	fate        func(published int) (copies int)
	published   int
	mu          sync.Mutex
	consumer    net.Conn
	first       time.Time
	tag         uint64
}

func (b *stallingBroker) listen() string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go b.serve(c)
		}
	}()
	return "amqp://guest:guest@" + l.Addr().String()
}

// answers are the methods that only need an empty answer, or one whose fields nobody looks at.
var answers = map[method]method{
	connectionStartOk: connectionTune, connectionOpen: connectionOpenOk, channelOpen: channelOpenOk, queueDeclare: queueDeclareOk,
	queueDelete: queueDeleteOk, basicConsume: basicConsumeOk, confirmSelect: confirmSelectOk, connectionClose: connectionCloseOk,
}

func (b *stallingBroker) serve(c net.Conn) {
	defer c.Close()
	if _, err := io.ReadFull(c, make([]byte, 8)); err != nil {
		return
	}
	say := func(channel uint16, e encoder) { _, _ = c.Write(appendFrame(nil, frameMethod, channel, e)) }
	var start encoder
	start.method(connectionStart)
	say(0, start)
	confirms := uint64(0)
	for {
		var head [frameHeaderSize]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return
		}
		payload := make([]byte, bigEndian.Uint32(head[3:])+1)
		if _, err := io.ReadFull(c, payload); err != nil {
			return
		}
		payload = payload[:len(payload)-1]
		switch {
		case head[0] == frameBody:
			b.stall()
			b.deliver(payload)
			confirms++
			var ack encoder
			ack.method(basicAck)
			ack.longLong(confirms)
			ack.octet(0)
			say(channelID, ack)
		case head[0] == frameMethod:
			m := method(bigEndian.Uint32(payload))
			if m == basicConsume {
				b.mu.Lock()
				b.consumer = c
				b.mu.Unlock()
			}
			if answer, found := answers[m]; found {
				var e encoder
				e.method(answer)
				e.longLong(0x0000_0002_0000_0000) // of a tune: frames of 128 KiB
				say(bigEndian.Uint16(head[1:]), append(e, 0, 0, 0, 0))
			}
		}
	}
}

// stall holds the lock of the whole broker for as long as it stands still.
func (b *stallingBroker) stall() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.first.IsZero() {
		b.first = time.Now()
	}
	if since := time.Since(b.first); since > b.from && since < b.until {
		<-time.After(b.until - since)
	}
}

func (b *stallingBroker) deliver(body []byte) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.published++
	copies := 1
	if b.fate != nil {
		copies = b.fate(b.published)
	}
	for range copies {
		b.deliverOnce(body)
	}
}

func (b *stallingBroker) deliverOnce(body []byte) {
	b.tag++
	var d, h encoder
	d.method(basicDeliver)
	d.shortStr("c")
	d.longLong(b.tag)
	d.octet(0)
	d.shortStr("")
	d.shortStr("q")
	h.short(60)
	h.short(0)
	h.longLong(uint64(len(body)))
	h.short(0)
	out := appendFrame(nil, frameMethod, channelID, d)
	out = appendFrame(out, frameHeader, channelID, h)
	_, _ = b.consumer.Write(appendFrame(out, frameBody, channelID, body))
}

// A stall cannot hide itself: all that was due while the broker stood still counts with the time it waited, whether the generator
// was kept from sending by a full window, the messages were on their way, or the run ended before the broker went on.
func TestAStallShowsInTheLatency(t *testing.T) {
	const stalled = 400 * time.Millisecond
	for _, c := range []struct {
		what    string
		confirm int
		until   time.Duration
	}{
		{"the broker goes on", 0, 600 * time.Millisecond},
		{"the broker goes on, and a full window kept the producer", 10, 600 * time.Millisecond},
		{"the run ends first", 0, 10 * time.Second},
		{"the run ends first, the window full", 10, 10 * time.Second},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			b := &stallingBroker{t: t, from: 200 * time.Millisecond, until: c.until}
			o := options{
				uri: b.listen(), producers: 1, consumers: 1, queue: "q", bodyBytes: 16, autoAck: true, rate: 500, confirm: c.confirm, writeBytes: 1 << 16,
				duration: 800 * time.Millisecond, keep: true, quiet: true,
			}
			if c.until > time.Second {
				o.duration = 600 * time.Millisecond
			}
			r, err := setup(&o)
			if err != nil {
				t.Fatal(err)
			}
			s, err := r.run(context.Background(), io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			// Of 300 to 400 messages 200 were due in the stall, and waited from nothing to all of it: evenly.
			check := func(what string, p *percentiles) {
				if p == nil || p.Max < 0.8*float64(stalled.Microseconds()) || p.P95 < 0.5*float64(stalled.Microseconds()) || p.Samples < 250 {
					t.Errorf("%s hides a stall of %v: %+v, %d unsent", what, stalled, p, s.Unsent)
				}
			}
			check("delivery", s.Latency)
			if c.confirm > 0 {
				check("confirm", s.Confirm)
			}
		})
	}
}

// The page needs nothing from elsewhere, and has a plot of everything that was measured.
func TestReport(t *testing.T) {
	b := &stallingBroker{t: t}
	file := filepath.Join(t.TempDir(), "report.html")
	o := options{
		uri: b.listen(), producers: 1, consumers: 1, queue: "<q>", bodyBytes: 16, autoAck: true, rate: 200, confirm: 10, writeBytes: 1 << 16,
		duration: 2500 * time.Millisecond, keep: true, quiet: true, report: file, pid: os.Getpid(),
	}
	if err := load(context.Background(), &o, io.Discard, io.Discard); err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Throughput", "Delivery latency from the due time over time", "Delivery latency from the due time by percentile",
		"Publish to confirm over time", "The broker&#39;s CPU", "The broker&#39;s resident memory", "16 B, 1 to 1, confirm window 10, 200/s",
	} {
		if !bytes.Contains(page, []byte(want)) {
			t.Errorf("the page does not have %q", want)
		}
	}
	for _, never := range []string{"<script", "http://", "https://", "NaN", "Inf", "url("} {
		if strings.Contains(string(page), never) {
			t.Errorf("the page has %q", never)
		}
	}
	if n := bytes.Count(page, []byte("<polyline")); n != 3+3+1+3+1+1+1 {
		t.Errorf("%d lines are drawn", n)
	}
}

// A report that cannot be written is said before the load, not after it.
func TestReportThatCannotBeWritten(t *testing.T) {
	o := options{uri: "amqp://127.0.0.1:1", report: filepath.Join(t.TempDir(), "nowhere", "x.html")}
	if err := load(context.Background(), &o, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "--report") {
		t.Fatal(err)
	}
}
