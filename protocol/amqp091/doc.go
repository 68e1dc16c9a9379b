// Package amqp091 is the AMQP 0-9-1 wire: frames, methods, content headers and bodies. Methods are generated from the
// specification's XML with RabbitMQ's extensions; frames and the encoders of the message path are written by hand.
//
// Parsing is in place. Strings, raw tables and payloads are windows into the bytes that were parsed: they are valid as
// long as the slab they came from is, and nobody may write to that slab meanwhile. Whoever keeps one clones it
// (strings.Clone, bytes.Clone) or decodes it (RawTable.Decode).
//
// Every error is a *protocol.Error. What cannot be encoded (a short string of more than 255 bytes) is a broken invariant
// of ours, and panics.
package amqp091

//go:generate go run ./internal/gen
