package tree

import (
	"fmt"
	"time"

	"warren/persistence/volatile"
)

// quarantine keeps an event that was taken out of a stream, whosever it is: a queue's, a channel's, a vhost's. Its actor would otherwise die of
// it for ever (DESIGN section 5, poison).
func (b *Broker) quarantine(bad volatile.Quarantined) {
	content := bad.Describe()
	path, err := b.journal.Quarantine(bad.Stream, fmt.Sprintf("event-%d-%d", time.Now().UnixNano(), bad.Incarnation), content)
	b.node.Log.Error().Str("stream", bad.Stream).Type("event", bad.Event).Str("reason", fmt.Sprint(bad.Reason)).Int("bytes", len(content)).
		Str("file", path).AnErr("not_kept", err).Msg("event quarantined: its replay panics")
}
