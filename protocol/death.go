package protocol

import "strconv"

// Death is why and where a message left a queue without having been consumed.
type Death struct {
	Queue    string
	Reason   string
	Exchange string // the message was published to
	Time     Timestamp
	// RoutingKey takes the place of all routing keys of the message if Rerouted is set (x-dead-letter-routing-key).
	RoutingKey string
	Rerouted   bool
}

// Headers that a dead letter carries (contract Q-12).
const (
	headerDeaths     = "x-death"
	headerFirstDeath = "x-first-death-"
	headerLastDeath  = "x-last-death-"
)

// DeadLetter returns the message as it goes to a dead letter exchange: with the history of its deaths, without its expiration,
// everything else as it was (RabbitMQ, dead letter exchanges; contract ). The message itself stays as it is.
func DeadLetter(m Message, d Death) (Message, error) {
	p, err := ParseProperties(m.Properties)
	if err != nil {
		return Message{}, err
	}
	had := m.Properties[1] & marks
	if p.Headers == nil {
		p.Headers = Table{}
	}
	keys := routingKeys(&m, p.Headers)
	var deaths []any
	if had&markDeaths != 0 {
		deaths, _ = p.Headers[headerDeaths].([]any)
	} else {
		d.name(p.Headers, headerFirstDeath)
	}
	d.name(p.Headers, headerLastDeath)
	p.Headers[headerDeaths] = d.enter(deaths, keys, p.Expiration)
	p.Clear(PropExpiration)

	had |= markDeaths
	if d.Rerouted {
		had |= markRerouted
		m.RoutingKey = d.RoutingKey
		delete(p.Headers, headerBCC)
	}
	m.Properties = p.Append(nil)
	m.Properties[1] |= had
	m.Flags = m.Flags&FlagPersistent | FlagHeaders | FlagDead
	m.Flags |= stillSelected(p.Headers, had)
	return m, nil
}

// stillSelected are the flags of a message that the broker publishes again: its further routing keys count as they did, those in BCC
// too, unless a key of the queue took their place (contract Q-11).
func stillSelected(headers Table, had byte) (flags Flags) {
	if had&markRerouted != 0 {
		return 0
	}
	if _, selected := headers[headerCC].([]any); selected {
		flags |= FlagSelected
	}
	if _, hidden := headers[headerBCC].([]any); hidden {
		flags |= FlagSelected | FlagBCC
	}
	return flags
}

// routingKeys are those that the message was published with and that others may see: its own and those in CC (contract P-36).
func routingKeys(m *Message, headers Table) []any {
	keys := []any{m.RoutingKey}
	if cc, ok := headers[headerCC].([]any); ok && !marked(m.Properties, markRerouted) {
		for _, v := range cc {
			if key, ok := v.(string); ok {
				keys = append(keys, key)
			}
		}
	}
	return keys
}

// name enters the death as the first or the last one.
func (d *Death) name(headers Table, which string) {
	headers[which+"queue"], headers[which+"reason"], headers[which+"exchange"] = d.Queue, d.Reason, d.Exchange
}

// enter returns the history with this death in front. One of the same queue for the same reason is counted, and keeps what it
// says of the first time.
func (d *Death) enter(deaths, keys []any, expiration string) []any {
	entry := Table{
		"count": int64(1), "reason": d.Reason, "queue": d.Queue, "time": d.Time, "exchange": d.Exchange, "routing-keys": keys,
	}
	if ms, err := strconv.ParseUint(expiration, 10, 64); err == nil {
		entry["original-expiration"] = strconv.FormatUint(ms, 10)
	}
	out := make([]any, 1, len(deaths)+1)
	for _, v := range deaths {
		old, _ := v.(Table)
		if old["queue"] != d.Queue || old["reason"] != d.Reason {
			out = append(out, v)
			continue
		}
		entry = old
		n, _ := AsInt(old["count"])
		entry["count"] = n + 1
	}
	out[0] = entry
	return out
}

// DeathCycle are the queues that a dead letter must not come back to, since it died there and no client has rejected it since:
// it would go round for ever (contract Q-13).
func DeathCycle(m *Message) (queues []string) {
	if !marked(m.Properties, markDeaths) {
		return nil
	}
	s, err := ScanProperties(m.Properties)
	if err != nil {
		return nil
	}
	raw, _ := LookupField(s.Headers, headerDeaths)
	v, err := raw.Decode()
	if err != nil {
		return nil
	}
	deaths, _ := v.([]any)
	for _, v := range deaths { // newest first
		d, _ := v.(Table)
		if d["reason"] == "rejected" {
			break
		}
		if queue, ok := d["queue"].(string); ok {
			queues = append(queues, queue)
		}
	}
	return queues
}
