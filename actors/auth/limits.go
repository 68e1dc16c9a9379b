package auth

import (
	"warren/actors/rate"
	eventv1 "warren/proto/event/v1"
)

// LimitField is one limit by its name, and where an event has it. A negative number is no limit, as nil is.
type LimitField struct {
	Name  string
	Value **int64
}

// The names of limits: RabbitMQ's, and those of rates, which it has not.
const (
	MaxConnections      = "max-connections"
	MaxChannels         = "max-channels"
	MaxQueues           = "max-queues"
	MaxPublishRate      = "max-publish-rate"
	MaxPublishBytesRate = "max-publish-bytes-rate"
	MaxConsumeRate      = "max-consume-rate"
	MaxConsumeBytesRate = "max-consume-bytes-rate"
)

// UserLimitFields are the limits that users can have.
func UserLimitFields(l *eventv1.UserLimitsSet) []LimitField {
	return []LimitField{
		{MaxConnections, &l.MaxConnections}, {MaxChannels, &l.MaxChannels},
		{MaxPublishRate, &l.MaxPublishRate}, {MaxPublishBytesRate, &l.MaxPublishBytesRate},
		{MaxConsumeRate, &l.MaxConsumeRate}, {MaxConsumeBytesRate, &l.MaxConsumeBytesRate},
	}
}

// VHostLimitFields are the limits that vhosts can have.
func VHostLimitFields(l *eventv1.VHostLimitsSet) []LimitField {
	return []LimitField{
		{MaxConnections, &l.MaxConnections}, {MaxQueues, &l.MaxQueues},
		{MaxPublishRate, &l.MaxPublishRate}, {MaxPublishBytesRate, &l.MaxPublishBytesRate},
		{MaxConsumeRate, &l.MaxConsumeRate}, {MaxConsumeBytesRate, &l.MaxConsumeBytesRate},
	}
}

// limited says whether any of the limits is set.
func limited(fields []LimitField) bool {
	for _, f := range fields {
		if *f.Value != nil {
			return true
		}
	}
	return false
}

// rates are what is in force by the definitions.
func (d *Definitions) rates() rate.Table {
	t := rate.Table{
		VHosts: map[string]rate.Both{}, Users: map[string]rate.Both{},
		VHostExists: func(name string) bool { return d.VHosts[name] != nil },
		UserExists:  func(name string) bool { return d.Users[name] != nil },
	}
	for name, l := range d.VHostLimits {
		t.VHosts[name] = both(l.MaxPublishRate, l.MaxPublishBytesRate, l.MaxConsumeRate, l.MaxConsumeBytesRate)
	}
	for name, l := range d.UserLimits {
		t.Users[name] = both(l.MaxPublishRate, l.MaxPublishBytesRate, l.MaxConsumeRate, l.MaxConsumeBytesRate)
	}
	return t
}

func both(publish, publishBytes, consume, consumeBytes *int64) rate.Both {
	of := func(limit *int64) int64 {
		if limit == nil {
			return -1
		}
		return *limit
	}
	return rate.Both{
		Publish: rate.Rates{Messages: of(publish), Bytes: of(publishBytes)},
		Consume: rate.Rates{Messages: of(consume), Bytes: of(consumeBytes)},
	}
}
