package erl

import "testing"

// What Erlang/OTP 25 prints with ~p, but for line breaks and Latin-1.
func TestBinary(t *testing.T) {
	for in, want := range map[string]string{
		"":                                  `<<>>`,
		"hello":                             `<<"hello">>`,
		"a\tb\n\"\\":                        `<<"a\tb\n\"\\">>`,
		"\x1b\b\v\f\r\t":                    `<<"\e\b\v\f\r\t">>`,
		"\x1b\x07":                          `<<27,7>>`,
		"\x7f":                              `<<127>>`,
		"\x01\x00\x00\x00\x16\x00\x3corder": `<<1,0,0,0,22,0,60,111,114,100,101,114>>`,
		"\xc3\xa9":                          `<<195,169>>`,
	} {
		if got := Binary([]byte(in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}
