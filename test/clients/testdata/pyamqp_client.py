"""The transcript with py-amqp, the client below kombu and Celery."""
import sys

import amqp

host, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
say = lambda *text: print(*text, sep="", flush=True)
low = lambda flag: str(bool(flag)).lower()

connection = amqp.Connection(f"{host}:{port}", "guest", "guest", confirm_publish=True)
connection.connect()
channel = connection.channel()
returned = []
channel.events["basic_return"].add(lambda error, exchange, key, message: returned.append((error, key, message)))


def publish(key, body, mandatory=False):
    message = amqp.Message(body, content_type="text/plain", delivery_mode=2, message_id="id-" + body, application_headers={"n": 7, "s": "text"})
    channel.basic_publish(message, name, key, mandatory=mandatory, confirm_timeout=20)


ok = channel.queue_declare(name, exclusive=True, auto_delete=False)
say("declare: ", ok.message_count, " messages, ", ok.consumer_count, " consumers")
channel.exchange_declare(name, "direct", auto_delete=True)
channel.queue_bind(name, name, "k")
say("bind: ok")
for i in range(3):
    publish("k", str(i))
say("publish: 3 confirmed")
m = channel.basic_get(name)
say("get: ", m.body, ", redelivered ", low(m.delivery_info["redelivered"]), ", ", m.delivery_info["message_count"], " left, ", m.content_type, ", ",
    m.message_id, ", n ", m.headers["n"], ", s ", m.headers["s"])
channel.basic_ack(m.delivery_tag)

done = []


def delivered(m):
    redelivered = m.delivery_info["redelivered"]
    if redelivered:
        say("nack with requeue: ", m.body, ", redelivered ", low(redelivered))
        channel.basic_reject(m.delivery_tag, requeue=False)
        done.append(True)
        return
    say("consume: ", m.body, ", redelivered ", low(redelivered))
    if m.body == "1":
        channel.basic_ack(m.delivery_tag)
    else:
        channel.basic_reject(m.delivery_tag, requeue=True)


channel.basic_qos(0, 10, False)
tag = channel.basic_consume(name, callback=delivered)
while not done:
    connection.drain_events(timeout=20)
channel.basic_cancel(tag)
say("nack without requeue: queue ", "empty" if channel.basic_get(name) is None else "not empty")

publish("nowhere", "lost", mandatory=True)
for error, key, message in returned:
    say("return: ", error.reply_code, " ", error.reply_text, ", key ", key, ", body ", message.body)
publish("k", "3")
publish("k", "4")
say("purge: ", channel.queue_purge(name))
publish("k", "5")
say("delete: ", channel.queue_delete(name))

other = connection.channel()
try:
    other.basic_publish(amqp.Message(""), name + ".missing", "k", confirm_timeout=20)
    say("missing exchange: taken")
except amqp.NotFound as e:
    connection.channel().queue_declare(exclusive=True)
    say("missing exchange: ", e.reply_code, ", connection ", "open" if connection.connected else "closed")
connection.close()
say("close: ok")
