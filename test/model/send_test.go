package model

import (
	"fmt"

	"warren/test/raw"
)

// bits is the octet of a method's flags, the first lowest.
func bits(flags ...bool) byte {
	var b byte
	for i, set := range flags {
		if set {
			b |= 1 << i
		}
	}
	return b
}

// barrier is a method that changes nothing. What the channel was told before is done when it is answered.
func barrier(s step) []byte {
	return raw.MethodFrame(uint16(s.ch), raw.BasicCancel, raw.Fields{}.ShortStr("barrier").Octet(0))
}

// send writes a step's frames. full makes an entity's name one of the run's own.
func (c *client) send(s step, tag uint64, body string, full func(string) string) {
	method := func(class, id uint16, args raw.Fields) { c.method(s.ch, raw.ID{Class: class, Method: id}, args) }
	f := raw.Fields{}
	switch s.op {
	case "declare-queue":
		method(50, 10, f.Short(0).ShortStr(full(s.queue)).Octet(bits(s.flag("p"), s.flag("d"), s.flag("e"), s.flag("a"))).Table())
	case "delete-queue":
		method(50, 40, f.Short(0).ShortStr(full(s.queue)).Octet(bits(s.flag("u"), s.flag("y"))))
	case "purge":
		method(50, 30, f.Short(0).ShortStr(full(s.queue)).Octet(0))
	case "declare-exchange":
		method(40, 10, f.Short(0).ShortStr(full(s.exchange)).ShortStr(s.kind).Octet(bits(s.flag("p"), false, s.flag("a"), s.flag("i"))).Table())
	case "delete-exchange":
		method(40, 20, f.Short(0).ShortStr(full(s.exchange)).Octet(bits(s.flag("u"))))
	case "bind":
		method(50, 20, f.Short(0).ShortStr(full(s.queue)).ShortStr(full(s.exchange)).ShortStr(s.key).Octet(0).Table())
	case "unbind":
		method(50, 50, f.Short(0).ShortStr(full(s.queue)).ShortStr(full(s.exchange)).ShortStr(s.key).Table())
	case "bind-exchange":
		method(40, 30, f.Short(0).ShortStr(full(s.to)).ShortStr(full(s.exchange)).ShortStr(s.key).Octet(0).Table())
	case "unbind-exchange":
		method(40, 40, f.Short(0).ShortStr(full(s.to)).ShortStr(full(s.exchange)).ShortStr(s.key).Octet(0).Table())
	case "publish":
		key := s.key
		if s.exchange == "" {
			key = full(key)
		}
		var all []byte // in one write: behind the close-ok for a refused one there must come no other
		for i := range s.n {
			text := fmt.Appendf(nil, "%s.%d", body, i)
			publish := f.Short(0).ShortStr(full(s.exchange)).ShortStr(key).Octet(bits(s.flag("m")))
			all = append(all, raw.MethodFrame(uint16(s.ch), raw.BasicPublish, publish)...)
			all = append(all, raw.ContentHeader(uint16(s.ch), uint64(len(text)))...)
			all = append(all, raw.Body(uint16(s.ch), text)...)
		}
		c.write(append(all, barrier(s)...)) // other channels see what was published when that is answered
	case "consume":
		method(60, 20, f.Short(0).ShortStr(full(s.queue)).ShortStr(s.tag).Octet(bits(false, s.flag("n"), s.flag("e"))).Table())
	case "cancel":
		method(60, 30, f.ShortStr(s.tag).Octet(0))
	case "qos":
		method(60, 10, f.Long(0).Short(uint16(s.n)).Octet(0))
	case "get":
		method(60, 70, f.Short(0).ShortStr(full(s.queue)).Octet(bits(s.flag("n"))))
	case "ack", "nack":
		id := map[string]uint16{"ack": 80, "nack": 120}[s.op]
		all := raw.MethodFrame(uint16(s.ch), raw.ID{Class: 60, Method: id}, f.LongLong(tag).Octet(bits(s.flag("m"), s.op == "nack" && s.flag("r"))))
		if s.flag("m") && tag == 0 { // of all that was delivered: what the next step brings must not be among it
			all = append(all, barrier(s)...)
		}
		c.write(all)
	case "reject":
		method(60, 90, f.LongLong(tag).Octet(bits(s.flag("r"))))
	case "recover":
		method(60, 110, f.Octet(1))
	case "confirm-select":
		method(85, 10, f.Octet(0))
	case "tx-select":
		method(90, 10, f)
	case "tx-commit":
		method(90, 20, f)
	case "tx-rollback":
		method(90, 30, f)
	case "close-channel":
		method(20, 40, f.Short(200).ShortStr("").Short(0).Short(0))
	case "close-connection":
		c.method(0, raw.ConnectionClose, f.Short(200).ShortStr("").Short(0).Short(0))
	}
}
