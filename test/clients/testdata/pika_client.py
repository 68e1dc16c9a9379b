"""The transcript with pika's BlockingConnection."""
import sys

import pika
from pika.exceptions import ChannelClosedByBroker, UnroutableError

host, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
say = lambda *text: print(*text, sep="", flush=True)
low = lambda flag: str(bool(flag)).lower()

connection = pika.BlockingConnection(pika.ConnectionParameters(host, port, heartbeat=30))
channel = connection.channel()
channel.confirm_delivery()


def publish(key, body, mandatory=False):
    properties = pika.BasicProperties(content_type="text/plain", delivery_mode=2, message_id="id-" + body, headers={"n": 7, "s": "text"})
    channel.basic_publish(name, key, body.encode(), properties, mandatory=mandatory)  # raises on a nack


ok = channel.queue_declare(name, exclusive=True).method
say("declare: ", ok.message_count, " messages, ", ok.consumer_count, " consumers")
channel.exchange_declare(name, "direct", auto_delete=True)
channel.queue_bind(name, name, "k")
say("bind: ok")
for i in range(3):
    publish("k", str(i))
say("publish: 3 confirmed")
method, properties, body = channel.basic_get(name)
say("get: ", body.decode(), ", redelivered ", low(method.redelivered), ", ", method.message_count, " left, ", properties.content_type, ", ",
    properties.message_id, ", n ", properties.headers["n"], ", s ", properties.headers["s"])
channel.basic_ack(method.delivery_tag)

channel.basic_qos(prefetch_count=10)
for method, properties, body in channel.consume(name, inactivity_timeout=20):
    body = body.decode()
    if method.redelivered:
        say("nack with requeue: ", body, ", redelivered ", low(method.redelivered))
        channel.basic_nack(method.delivery_tag, requeue=False)
        break
    say("consume: ", body, ", redelivered ", low(method.redelivered))
    if body == "1":
        channel.basic_ack(method.delivery_tag)
    else:
        channel.basic_nack(method.delivery_tag, requeue=True)
channel.cancel()
say("nack without requeue: queue ", "empty" if channel.basic_get(name)[0] is None else "not empty")

try:
    publish("nowhere", "lost", mandatory=True)
    say("return: none")
except UnroutableError as e:
    m = e.messages[0]
    say("return: ", m.method.reply_code, " ", m.method.reply_text, ", key ", m.method.routing_key, ", body ", m.body.decode())
publish("k", "3")
publish("k", "4")
say("purge: ", channel.queue_purge(name).method.message_count)
publish("k", "5")
say("delete: ", channel.queue_delete(name).method.message_count)

other = connection.channel()
other.confirm_delivery()
try:
    other.basic_publish(name + ".missing", "k", b"")
except ChannelClosedByBroker as e:
    connection.channel().queue_declare("", exclusive=True)
    say("missing exchange: ", e.reply_code, ", connection ", "open" if connection.is_open and other.is_closed else "closed")
connection.close()
say("close: ok")
