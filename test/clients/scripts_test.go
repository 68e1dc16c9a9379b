package clients

import "testing"

const python = ".installed/python/bin/python"

func script(t *testing.T, program, file string) {
	t.Helper()
	host, port := address(t)
	transcript(t, run(t, program, "testdata/"+file, host, port, "clients-"+file))
}

func TestPika(t *testing.T)    { script(t, python, "pika_client.py") }
func TestPyAMQP(t *testing.T)  { script(t, python, "pyamqp_client.py") }
func TestKombu(t *testing.T)   { script(t, python, "kombu_client.py") }
func TestAmqplib(t *testing.T) { script(t, "node", "amqplib_client.js") }
