// Package erl prints values as Erlang does, for the texts of RabbitMQ that carry Erlang terms and that tools look for.
package erl

import (
	"strconv"
)

// Binary prints b as io_lib:format("~p") does: <<"text">> when every byte can be printed, <<1,2,3>> otherwise.
//
// Differs: Erlang breaks lines at column 80, in the middle of an error's text; we do not. And it takes Latin-1 for
// printable, which is no UTF-8; only ASCII is printed as text here.
func Binary(b []byte) string {
	out := append(make([]byte, 0, 16+4*len(b)), "<<"...)
	if len(b) > 0 && printable(b) {
		out = appendQuoted(out, b)
	} else {
		for i, c := range b {
			if i > 0 {
				out = append(out, ',')
			}
			out = strconv.AppendUint(out, uint64(c), 10)
		}
	}
	return string(append(out, ">>"...))
}

// escapes are the letters behind the backslash of control characters that Erlang finds printable.
var escapes = map[byte]byte{
	'\b': 'b', '\t': 't', '\n': 'n', '\v': 'v', '\f': 'f', '\r': 'r', 27: 'e', '"': '"', '\\': '\\',
}

func printable(b []byte) bool {
	for _, c := range b {
		if _, ok := escapes[c]; !ok && (c < ' ' || c > '~') {
			return false
		}
	}
	return true
}

func appendQuoted(out, b []byte) []byte {
	out = append(out, '"')
	for _, c := range b {
		if letter, ok := escapes[c]; ok {
			out = append(out, '\\', letter)
			continue
		}
		out = append(out, c)
	}
	return append(out, '"')
}
