package node

import "warren/actors/auth"

// Rehearse decides a command and changes nothing. It returns why it would be refused.
func Rehearse(defs *auth.Definitions, c Command) error {
	if _, err := decide(defs, c, 1); err != nil {
		return err
	}
	return nil
}
