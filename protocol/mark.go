package protocol

// Marks are what the broker itself knows of a message and must not forget on disk. They lie in the two bits of the property
// flags that class basic does not use: bit 1, and bit 0, which would announce a second word of flags. RabbitMQ ignores both, and
// so do we when a client sets them: they are cleared on the way in ([ClearMarks]) and on the way out (amqp091.AppendContentHeader).
const (
	// markDeaths: x-death and its kin are the broker's own. The same headers of a client say nothing (contract Q-12).
	markDeaths byte = 1 << 1
	// markRerouted: x-dead-letter-routing-key took the place of all routing keys, those in CC included.
	markRerouted byte = 1 << 0

	marks = markDeaths | markRerouted
)

// ClearMarks takes out of raw properties, in place, what only the broker may say.
func ClearMarks(properties []byte) {
	if len(properties) >= 2 {
		properties[1] &^= marks
	}
}

// marked says whether raw properties carry a mark.
func marked(properties []byte, mark byte) bool {
	return len(properties) >= 2 && properties[1]&mark != 0
}
