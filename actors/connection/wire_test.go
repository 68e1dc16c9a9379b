package connection

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"warren/actors/channel"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// feed is an assembler with a reader's loop around it and nothing else: bytes in, steps out.
type feed struct {
	*assembler
	opened int
	said   map[uint16][]said // by channel
	bodies []string          // of every message, by a copy made when it came
	kept   []protocol.Message
	failed *protocol.Error
}

const feedMax = 4096 // max_message_size

func newFeed() *feed {
	f := &feed{}
	f.assembler = newAssembler(func(number uint16) (*inbound, *protocol.Error) {
		f.opened++
		return &inbound{number: number}, nil
	})
	f.said = map[uint16][]said{}
	f.limits = limits{channelMax: 8, maxMessage: feedMax, user: "guest", running: true}
	return f
}

// read is what one read brought, behind what is left of the one before. It returns what is left.
func (f *feed) read(b []byte) (rest []byte) {
	for f.failed == nil {
		frame, n, err := amqp091.ParseFrame(b, 0)
		if err != nil {
			f.failed = protocol.AsError(err)
			break
		}
		if n == 0 {
			break
		}
		b = b[n:]
		if err := f.frame(frame); err != nil {
			f.failed = err
			f.end()
		}
	}
	f.detach()
	f.take(func(in *inbound, steps []channel.Step) {
		for i := range steps {
			f.note(in, &steps[i])
		}
	})
	for _, s := range f.control {
		f.said[0] = append(f.said[0], said{"", fmt.Sprintf("%T", s.Method)})
	}
	f.control = nil
	return b
}

// said is one thing a channel has to do. Between two methods only the order within a group counts: publishes to one
// exchange, settlements.
type said struct{ group, what string }

// note writes a step down so that steps which are cut otherwise, but mean the same, read the same.
func (f *feed) note(in *inbound, s *channel.Step) {
	group := ""
	say := func(format string, a ...any) {
		f.said[in.number] = append(f.said[in.number], said{group, fmt.Sprintf(format, a...)})
	}
	switch {
	case s.Messages != nil:
		group = "x " + s.Exchange
		for i := range s.Messages {
			m := &s.Messages[i]
			say("publish %d %s/%s %x %d+%q", m.Seq, s.Exchange, m.RoutingKey, m.Properties, m.Flags, m.Body)
			f.bodies = append(f.bodies, string(m.Body))
			f.kept = append(f.kept, *m)
		}
	case s.Acks != nil:
		group = "acks"
		for _, a := range s.Acks {
			say("%v %d %v %d", a.Method, a.Tag, a.Multiple, a.Outcome)
		}
	case s.Err != nil:
		say("error %s", s.Err.ReplyText())
	case s.Closed:
		say("closed")
	default:
		say("%T", s.Method)
	}
}

// meaning is all that was said, in an order that does not depend on how it was cut.
func (f *feed) meaning() string {
	var out strings.Builder
	for _, number := range slices.Sorted(maps.Keys(f.said)) {
		list := slices.Clone(f.said[number])
		for from := 0; from < len(list); {
			to := from
			for to < len(list) && list[to].group != "" {
				to++
			}
			slices.SortStableFunc(list[from:to], func(a, b said) int { return strings.Compare(a.group, b.group) })
			from = to + 1
		}
		fmt.Fprintf(&out, "channel %d\n", number)
		for _, s := range list {
			fmt.Fprintln(&out, s.what)
		}
	}
	if f.failed != nil {
		fmt.Fprintln(&out, f.failed)
	}
	return out.String()
}

// script is a client's bytes.
type script struct {
	b        []byte
	frameMax int
}

func (s *script) method(ch uint16, m amqp091.Method) *script {
	s.b = amqp091.AppendMethod(s.b, ch, m)
	return s
}

func (s *script) publish(ch uint16, exchange, key, body string) *script {
	s.b = amqp091.AppendPublish(s.b, ch, exchange, key, len(body)%2 == 0)
	return s.content(ch, body)
}

func (s *script) content(ch uint16, body string) *script {
	properties := protocol.Properties{ContentType: strings.Repeat("t", len(body)%7)}
	s.b = amqp091.AppendContentHeader(s.b, ch, basicClass, uint64(len(body)), properties.Append(nil))
	s.b = amqp091.AppendBody(s.b, ch, []byte(body), s.frameMax)
	return s
}

const basicClass = 60
