package main

// batch is a buffer of equal publishes, encoded once and written again and again; only the stamps in the bodies change.
//
//	| publish frame | header frame | body frame | ... | publish frame | header frame | body frame | ...
//	|<------------------- stride ------------------->|
//	                               ^ stamp: 8 bytes of due time and 8 of mark, as far as the body has room for them
type batch struct {
	bytes    []byte
	stride   int
	stamp    int  // of the first message; -1 without room
	marked   bool // there is room for the mark as well
	messages int
	rounds   bool // messages differ, and are written in turn
	next     int  // the first to write: 0, but for rounds
}

// stampBytes is the length of the due time at the start of a body, markedBytes that of due time and mark.
const (
	stampBytes  = 8
	markedBytes = stampBytes + 8
)

// publication is what all messages of a producer have in common.
type publication struct {
	exchange, key string
	bodyBytes     int
	persistent    bool
	mandatory     bool
}

// newBatch encodes as many publishes as fit limitBytes, at least one and at most limitMessages.
func newBatch(p publication, frameMax, limitBytes, limitMessages int) *batch {
	one, stamp := encodePublish(p, frameMax)
	n := max(1, min(limitBytes/len(one), limitMessages))
	b := &batch{stride: len(one), stamp: stamp, marked: p.bodyBytes >= markedBytes, messages: n}
	for range n {
		b.bytes = append(b.bytes, one...)
	}
	return b
}

// newRound encodes one publish for each key, to be written in turn. The keys are all of one length.
func newRound(p publication, frameMax int, keys []string) *batch {
	b := &batch{messages: len(keys), rounds: true, marked: p.bodyBytes >= markedBytes}
	for _, p.key = range keys {
		var one []byte
		one, b.stamp = encodePublish(p, frameMax)
		b.stride = len(one)
		b.bytes = append(b.bytes, one...)
	}
	return b
}

func encodePublish(p publication, frameMax int) (encoded []byte, stamp int) {
	var publish encoder
	publish.method(basicPublish)
	publish.short(0)
	publish.shortStr(p.exchange)
	publish.shortStr(p.key)
	publish.octet(flag(p.mandatory))
	encoded = appendFrame(nil, frameMethod, channelID, publish)

	const deliveryModePresent = 1 << 12
	var header encoder
	header.short(60)
	header.short(0)
	header.longLong(uint64(p.bodyBytes))
	if p.persistent {
		header.short(deliveryModePresent)
		header.octet(2)
	} else {
		header.short(0)
	}
	encoded = appendFrame(encoded, frameHeader, channelID, header)

	stamp = -1
	if p.bodyBytes >= stampBytes {
		stamp = len(encoded) + frameHeaderSize
	}
	body := make([]byte, p.bodyBytes)
	for len(body) > 0 {
		n := min(len(body), frameMax-frameOverhead)
		encoded = appendFrame(encoded, frameBody, channelID, body[:n])
		body = body[n:]
	}
	return encoded, stamp
}

// room is how many messages one write may take.
func (b *batch) room() int { return b.messages - b.next }

// take is the encoded form of the next n messages.
func (b *batch) take(n int) []byte {
	bytes := b.bytes[b.next*b.stride : (b.next+n)*b.stride]
	if b.rounds {
		b.next = (b.next + n) % b.messages
	}
	return bytes
}

// stampOne writes a due time, in nanoseconds since the run's epoch, and a mark into message i of those that are next.
func (b *batch) stampOne(i int, due int64, m mark) {
	if b.stamp < 0 {
		return
	}
	at := b.bytes[(b.next+i)*b.stride+b.stamp:]
	bigEndian.PutUint64(at, uint64(due))
	if b.marked {
		bigEndian.PutUint64(at[stampBytes:], uint64(m))
	}
}
