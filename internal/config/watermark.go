package config

// Watermark is an amount of memory: a share of what there is, or bytes. At most one of them is set; none is a mark of 0, which
// RabbitMQ takes for an alarm that is always up.
type Watermark struct {
	// 0 to 1, a share of the memory available.
	Relative float64
	// Bytes.
	Absolute int64
}

// Bytes returns the mark in bytes on a machine with so much memory.
func (w Watermark) Bytes(total int64) int64 {
	if w.Absolute > 0 {
		return w.Absolute
	}
	return int64(w.Relative * float64(total))
}
