package ready

// Reason is why a message leaves a queue without having been consumed, to be dead-lettered (RabbitMQ, dead letter exchanges
// guide).
type Reason uint8

// Consumed is no reason. The numbers are on disk.
const (
	Consumed Reason = iota
	Rejected
	Expired
	MaxLength
)

// String is the reason as the x-death header names it (contract Q-12).
func (r Reason) String() string {
	return [...]string{"", "rejected", "expired", "maxlen"}[r]
}
