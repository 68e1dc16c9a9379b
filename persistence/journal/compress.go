package journal

import (
	"fmt"
	"sync"

	"github.com/klauspost/compress/zstd"

	"warren/persistence/segment"
)

// Only cleaning compresses: what it carries forward has waited for long and will wait for longer, and the message's way is spared it.
// Encoder and decoder are shared by all journals; neither has goroutines of its own when it is used for whole payloads.
var (
	compressor = sync.OnceValue(func() *zstd.Encoder {
		e, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
		if err != nil {
			panic(err) // the options are constant
		}
		return e
	})
	decompressor = sync.OnceValue(func() *zstd.Decoder {
		d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(segment.MaxPayload))
		if err != nil {
			panic(err) // the options are constant
		}
		return d
	})
)

// minCompress is what is not worth a frame of its own.
const minCompress = 128

// deflate compresses what is behind a payload's summary, if that saves an eighth of it. What is the same in two records is then the
// same again.
func deflate(r *segment.Record) {
	rest := r.Payload[r.Summary:]
	if r.Flags&segment.Zstd != 0 || len(rest) < minCompress {
		return
	}
	b := compressor().EncodeAll(rest, append(make([]byte, 0, len(r.Payload)), r.Payload[:r.Summary]...))
	if len(b)-r.Summary <= len(rest)-len(rest)/8 {
		r.Payload, r.Flags = b, r.Flags|segment.Zstd
	}
}

func inflate(r *segment.Record) error {
	if r.Flags&segment.Zstd == 0 {
		return nil
	}
	b, err := decompressor().DecodeAll(r.Payload[r.Summary:], append([]byte(nil), r.Payload[:r.Summary]...))
	if err != nil {
		return fmt.Errorf("decompress %s %d/%d: %w", r.Kind, r.Stream, r.Index, err)
	}
	r.Payload, r.Flags = b, r.Flags&^segment.Zstd
	return nil
}
