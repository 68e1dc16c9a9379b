package vhost

import (
	"fmt"
	"strconv"
	"strings"

	eventv1 "warren/proto/event/v1"
	"warren/supervision"
)

// Key is what the durable streams of a vhost are called by: a vhost of that name that comes later has another. One that was there
// before vhosts had ids, 0, is called by its name alone.
func Key(name string, id uint64) string {
	if id == 0 {
		return name
	}
	return supervision.Escape(name) + "/" + strconv.FormatUint(id, 10)
}

// OfStream says which vhost a durable stream holds the definitions of; ok is false for any other.
func OfStream(stream string) (name string, id uint64, ok bool) {
	key, ok := strings.CutPrefix(stream, "vhost/")
	if !ok {
		return "", 0, false
	}
	if at := strings.LastIndexByte(key, '/'); at > 0 {
		id, err := strconv.ParseUint(key[at+1:], 10, 64)
		if name, bad := supervision.Unescape(key[:at]); err == nil && bad == nil && Key(name, id) == key {
			return name, id, true
		}
	}
	return key, 0, true
}

// storedName is the durable stream of a vhost's definitions (docs/formats/streams.md).
func storedName(key string) string { return "vhost/" + key }

func storedPrefix(key string) string { return "queue/" + key + "/" }

// storedAs is the name of a queue's durable stream. A queue of the same name that is declared later has another.
func storedAs(key string, q *eventv1.QueueDeclared) string {
	return fmt.Sprintf("%s%s/%d", storedPrefix(key), q.Name, q.Id)
}

// Keep says which durable streams stay when these are the vhosts there are: all but those of other vhosts.
func Keep(keys map[string]bool) func(stream string) bool {
	return func(stream string) bool {
		if key, is := strings.CutPrefix(stream, "vhost/"); is {
			return keys[key]
		}
		rest, is := strings.CutPrefix(stream, "queue/")
		if !is {
			return true
		}
		for i := range len(rest) { // a key may have a slash in it, and so may a queue's name
			if rest[i] == '/' && keys[rest[:i]] {
				return true
			}
		}
		return false
	}
}
