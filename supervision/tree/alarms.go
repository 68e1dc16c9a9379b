package tree

import (
	"math"

	"warren/actors/alarm"
	"warren/internal/admin"
	"warren/internal/collector"
	"warren/internal/config"
	adminv1 "warren/proto/admin/v1"
)

// mark puts the marks of memory in force, the collector's among them: it is to work before the alarm does.
func (b *Broker) mark(high, low int64) {
	b.memory.Mark(alarm.Marks{High: high, Low: low})
	collector.Bound(high)
}

// rest gives back what is not used by those who do nothing.
func (b *Broker) rest() {
	b.node.Connections.Rest()
	collector.Rest()
}

// SetMemoryHighWatermark implements admin.Broker (contract A-07). The low mark keeps its share of the high one.
func (b *Broker) SetMemoryHighWatermark(r *adminv1.SetMemoryHighWatermarkRequest) error {
	c := b.Config
	switch m := r.GetMark().(type) {
	case *adminv1.SetMemoryHighWatermarkRequest_Relative:
		if !(m.Relative >= 0 && m.Relative <= 1) {
			return admin.Invalid("the memory threshold must be a fraction from 0.0 to 1.0")
		}
		c.MemoryHigh = config.Watermark{Relative: m.Relative}
	case *adminv1.SetMemoryHighWatermarkRequest_Absolute:
		if m.Absolute < 0 {
			return admin.Invalid("the memory threshold must not be negative")
		}
		c.MemoryHigh = config.Watermark{Absolute: m.Absolute}
	default:
		return admin.Invalid("a memory threshold is missing")
	}
	oldHigh, oldLow := b.Config.MemoryMarks(b.totalMemory)
	high := c.MemoryHigh.Bytes(b.totalMemory)
	low := high / 4 * 3
	if oldHigh > 0 {
		low = int64(float64(high) * (float64(oldLow) / float64(oldHigh)))
	}
	b.mark(high, low)
	b.node.Log.Info().Int64("high_watermark", high).Int64("low_watermark", low).Msg("memory high watermark set")
	return nil
}

// SetDiskFreeLimit implements admin.Broker (contract A-07).
func (b *Broker) SetDiskFreeLimit(r *adminv1.SetDiskFreeLimitRequest) error {
	var limit int64
	switch l := r.GetLimit().(type) {
	case *adminv1.SetDiskFreeLimitRequest_Absolute:
		limit = l.Absolute
	case *adminv1.SetDiskFreeLimitRequest_MemRelative:
		bytes := l.MemRelative * float64(b.totalMemory)
		if !(bytes >= 0 && bytes < math.MaxInt64) {
			return admin.Invalid("the disk free limit must be a factor of the memory that is not negative")
		}
		limit = int64(bytes)
	default:
		return admin.Invalid("a disk free limit is missing")
	}
	if limit < 0 {
		return admin.Invalid("the disk free limit must not be negative")
	}
	b.journal.SetDiskFreeLimit(limit)
	b.node.Log.Info().Int64("limit", limit).Msg("disk free limit set")
	return nil
}
