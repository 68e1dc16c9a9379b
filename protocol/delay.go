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

// Released returns a message that was held back as it goes on: its header x-delay is negative, everything else what it was
// (contract X-11). The message itself stays as it is.
func Released(m Message) (Message, error) {
	p, err := ParseProperties(m.Properties)
	if err != nil {
		return Message{}, err
	}
	if ms, ok := AsInt(p.Headers["x-delay"]); ok {
		p.Headers["x-delay"] = -ms
	}
	had := m.Properties[1] & marks
	m.Properties = p.Append(nil)
	m.Properties[1] |= had
	m.Flags = m.Flags&(FlagPersistent|FlagExpires) | FlagHeaders
	if had&markDeaths != 0 {
		m.Flags |= FlagDead
	}
	m.Flags |= stillSelected(p.Headers, had)
	return m, nil
}
