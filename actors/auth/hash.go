package auth

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
)

// HashingAlgorithm is RabbitMQ's name for how PasswordHash hashes.
const HashingAlgorithm = "rabbit_password_hashing_sha256"

// PasswordHash is the user's password as RabbitMQ's definitions have it: base64 of the salt and the hash. Empty for a user there
// is not.
func (u *Users) PasswordHash(name string) string {
	a, known := u.accounts[name]
	if !known {
		return ""
	}
	return base64.StdEncoding.EncodeToString(append(a.salt[:], a.hash[:]...))
}

// Matches says whether a hash of RabbitMQ's definitions is one of the password. known is false for an algorithm that RabbitMQ has not.
func Matches(passwordHash, algorithm, password string) (matches, known bool) {
	var sum func(salted []byte) []byte
	switch algorithm {
	case HashingAlgorithm, "":
		sum = func(b []byte) []byte { h := sha256.Sum256(b); return h[:] }
	case "rabbit_password_hashing_sha512":
		sum = func(b []byte) []byte { h := sha512.Sum512(b); return h[:] }
	case "rabbit_password_hashing_md5":
		sum = func(b []byte) []byte { h := md5.Sum(b); return h[:] }
	default:
		return false, false
	}
	b, err := base64.StdEncoding.DecodeString(passwordHash)
	if err != nil || len(b) < 4 {
		return false, true
	}
	return subtle.ConstantTimeCompare(sum(append(b[:4:4], password...)), b[4:]) == 1, true
}
