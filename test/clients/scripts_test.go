package clients

import "testing"

const python = ".installed/python/bin/python"

func script(t *testing.T, program, file string) {
	t.Helper()
	host, port := address(t)
	transcript(t, run(t, program, "testdata/"+file, host, port, "clients-"+file))
}

// P-30, P-33, P-40: the transcript with pika.
func TestPika(t *testing.T) { script(t, python, "pika_client.py") }

// P-30, P-33, P-40: the transcript with py-amqp.
func TestPyAMQP(t *testing.T) { script(t, python, "pyamqp_client.py") }

// P-04, P-30: kombu, which chooses its ways by the server's product and version.
func TestKombu(t *testing.T) { script(t, python, "kombu_client.py") }

// P-30, P-33, P-40: the transcript with amqplib.
func TestAmqplib(t *testing.T) { script(t, "node", "amqplib_client.js") }
