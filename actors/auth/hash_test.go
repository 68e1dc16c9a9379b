package auth

import "testing"

// RabbitMQ, passwords guide ("this is the algorithm"): its own example, and a user's hash is one of its password.
func TestPasswordHash(t *testing.T) {
	if ok, known := Matches("kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR", HashingAlgorithm, "test12"); !ok || !known {
		t.Error("the example of the passwords guide does not match")
	}
	u := NewUsers("guest", "secret", nil)
	hash := u.PasswordHash("guest")
	for _, c := range []struct {
		hash, algorithm, password string
		matches, known            bool
	}{
		{hash, HashingAlgorithm, "secret", true, true},
		{hash, "", "secret", true, true},
		{hash, HashingAlgorithm, "other", false, true},
		{hash, "rabbit_password_hashing_sha512", "secret", false, true},
		{hash, "crypt", "secret", false, false},
		{"", HashingAlgorithm, "", false, true},
		{"not base64", HashingAlgorithm, "secret", false, true},
	} {
		if matches, known := Matches(c.hash, c.algorithm, c.password); matches != c.matches || known != c.known {
			t.Errorf("%+v: got %v, %v", c, matches, known)
		}
	}
	if u.PasswordHash("nobody") != "" {
		t.Error("nobody has a password")
	}
}
