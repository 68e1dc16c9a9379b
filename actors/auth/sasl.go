package auth

import (
	"encoding/binary"
	"strings"

	"warren/protocol"
)

// Credentials reads the response of a mechanism with a password. ok is false for a response that is none of its (contract P-06).
func Credentials(mechanism, response string) (user, password string, ok bool) {
	switch mechanism {
	case "PLAIN": // RFC 4616: authzid NUL authcid NUL passwd; the authzid must be empty
		parts := strings.Split(response, "\x00")
		if len(parts) != 3 || parts[0] != "" {
			return "", "", false
		}
		return parts[1], parts[2], true
	case "AMQPLAIN": // a field table without its length
		t, _, err := protocol.ParseTable(append(binary.BigEndian.AppendUint32(nil, uint32(len(response))), response...))
		if err != nil {
			return "", "", false
		}
		user, hasUser := t["LOGIN"].(string)
		password, hasPassword := t["PASSWORD"].(string)
		return user, password, hasUser && hasPassword
	}
	return "", "", false
}
