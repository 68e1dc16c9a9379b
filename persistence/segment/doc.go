// Package segment is the journal's files: their bytes, how they are written, and how what a crash left of them is read.
//
// A segment is a header page, then groups of records one behind the other, and at last a footer that lists the records. A group
// is what one write and one fdatasync made durable; it states which position was durable before it. That statement is what tells
// damage from a torn tail: bytes that do not add up below the highest statement were durable once, and are damage; above it they
// are a write that the crash cut short, of which nobody was told that it is safe.
//
// Segments are recycled, since writing over blocks that are there is several times faster than making new ones. Every use of a file
// has an epoch of its own, a number never used again, and the checksum of a record covers the epoch and the offset: what the last
// use left behind the end is never taken for a record, and neither is a copy of a segment that somebody publishes as a message.
//
// header.go, record.go, group.go and footer.go hold the byte diagrams; docs/formats/segment.md has the same. Nothing here knows streams by
// name, actors, or which record is still needed: that is package journal.
package segment
