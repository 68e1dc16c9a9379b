package auth

import (
	"crypto/x509"
	"slices"
	"strings"
)

// Logins are the SASL mechanisms of a broker and what they need (contract P-03, P-06).
type Logins struct {
	Mechanisms []string // in the order they are offered
	// Whom ANONYMOUS logs in; without a user it is not offered.
	AnonymousUser, AnonymousPass string
	// Certificate says where EXTERNAL finds the user.
	Certificate CertificateName
}

// Login is who a client claims to be.
type Login struct {
	User, Password string
	// Certified says that TLS has proved it: there is no password.
	Certified bool
	// Challenge is what the client must answer first, which [Logins.Answer] reads; empty when it has said all.
	Challenge string
	// Refused is set when there is nobody to look up.
	Refused Refusal
}

// Offered are the mechanisms that connection.start names. EXTERNAL is for connections over TLS.
func (l *Logins) Offered(tls bool) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(l.Mechanisms), func(m string) bool {
		return m == "EXTERNAL" && !tls || m == "ANONYMOUS" && l.AnonymousUser == ""
	}), " ")
}

// Read takes a SASL response, over TLS or not, with the client's certificate if it has shown one. ok is false for a mechanism
// that was not offered and for a response that is none of its.
func (l *Logins) Read(mechanism, response string, tls bool, cert *x509.Certificate) (login Login, ok bool) {
	if !slices.Contains(strings.Fields(l.Offered(tls)), mechanism) {
		return Login{}, false
	}
	switch mechanism {
	case "ANONYMOUS": // whatever a client says of itself (RFC 4505)
		return Login{User: l.AnonymousUser, Password: l.AnonymousPass}, true
	case "EXTERNAL": // whatever it says, its certificate counts
		if cert == nil {
			return Login{Refused: "the client has shown no certificate"}, true
		}
		user := l.Certificate.Of(cert)
		if user == "" {
			return Login{Refused: Refusal("there is no " + l.Certificate.From + " in the client's certificate")}, true
		}
		return Login{User: user, Certified: true}, true
	}
	if mechanism == challenging {
		return Login{User: response, Challenge: "Please tell me your password"}, true
	}
	login.User, login.Password, ok = Credentials(mechanism, response)
	return login, ok
}

// challenging is RabbitMQ's mechanism that shows how connection.secure works, of a user and a password as others.
const challenging = "RABBIT-CR-DEMO"

// Answer takes what a user answers to its challenge.
func (l *Logins) Answer(user, response string) (login Login, ok bool) {
	password, ok := strings.CutPrefix(response, "My password is ")
	return Login{User: user, Password: password}, ok
}
