package protocol

// maxDelay is the longest, in milliseconds (contract X-11).
const maxDelay = 1<<32 - 1

// Delay is how long a message asks to be held back, in milliseconds: its header x-delay. 0 when it does not ask for that, or for
// what cannot be (contract X-11).
func Delay(m *Message) int64 {
	v, ok := delayField(m)
	if !ok || !v.isInt() {
		return 0
	}
	ms := rawInt(v[0], v[1:])
	if ms <= 0 || ms > maxDelay {
		return 0
	}
	return ms
}

func (v RawValue) isInt() bool {
	switch v[0] {
	case 'b', 'B', 's', 'u', 'I', 'i', 'l', 'L':
		return true
	}
	return false
}

func delayField(m *Message) (RawValue, bool) {
	if !m.Flags.Has(FlagHeaders) {
		return nil, false
	}
	scan, err := ScanProperties(m.Properties)
	if err != nil {
		return nil, false
	}
	return LookupField(scan.Headers, "x-delay")
}

// WithoutDelay returns the message with the header x-delay negated: it was held back for as long (contract X-11). Its other bytes
// are what they were.
func WithoutDelay(m Message) Message {
	v, ok := delayField(&m)
	if !ok || !v.isInt() {
		return m
	}
	p, err := ParseProperties(m.Properties)
	if err != nil {
		return m
	}
	p.Headers["x-delay"] = -rawInt(v[0], v[1:])
	m.Properties = p.Append(nil)
	return m
}
