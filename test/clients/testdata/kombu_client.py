"""The transcript with kombu, as Celery uses it."""
import sys

import kombu

host, port, name = sys.argv[1], int(sys.argv[2]), sys.argv[3]
say = lambda *text: print(*text, sep="", flush=True)
low = lambda flag: str(bool(flag)).lower()

connection = kombu.Connection(f"amqp://guest:guest@{host}:{port}//", transport_options={"confirm_publish": True})
channel = connection.channel()
exchange = kombu.Exchange(name, "direct", durable=False, auto_delete=True, channel=channel)
queue = kombu.Queue(name, exchange, routing_key="k", durable=False, channel=channel)
returned = []
producer = kombu.Producer(channel, exchange, on_return=lambda error, exchange, key, message: returned.append((error, key, message)))


def publish(key, body, mandatory=False):
    producer.publish(body, routing_key=key, content_type="text/plain", content_encoding="utf-8", message_id="id-" + body,
                     headers={"n": 7, "s": "text"}, mandatory=mandatory, delivery_mode="persistent", confirm_timeout=20)


queue.declare()
ok = channel.queue_declare(name, passive=True)
say("declare: ", ok.message_count, " messages, ", ok.consumer_count, " consumers")
say("bind: ok")
for i in range(3):
    publish("k", str(i))
say("publish: 3 confirmed")
m = queue.get(no_ack=False)
say("get: ", m.payload, ", redelivered ", low(m.delivery_info["redelivered"]), ", ", m.delivery_info["message_count"], " left, ", m.content_type, ", ",
    m.properties["message_id"], ", n ", m.headers["n"], ", s ", m.headers["s"])
m.ack()

done = []


def delivered(body, m):
    redelivered = m.delivery_info["redelivered"]
    if redelivered:
        say("nack with requeue: ", body, ", redelivered ", low(redelivered))
        m.reject()
        done.append(True)
        return
    say("consume: ", body, ", redelivered ", low(redelivered))
    if body == "1":
        m.ack()
    else:
        m.requeue()


with kombu.Consumer(channel, [queue], callbacks=[delivered], prefetch_count=10, auto_declare=False):
    while not done:
        connection.drain_events(timeout=20)
say("nack without requeue: queue ", "empty" if queue.get() is None else "not empty")

publish("nowhere", "lost", mandatory=True)
for error, key, message in returned:
    say("return: ", error.reply_code, " ", error.reply_text, ", key ", key, ", body ", message.body)
publish("k", "3")
publish("k", "4")
say("purge: ", queue.purge())
publish("k", "5")
say("delete: ", queue.delete())

try:
    other = connection.channel()
    kombu.Producer(other).publish("", exchange=name + ".missing", routing_key="k", confirm_timeout=20)
    say("missing exchange: taken")
except connection.channel_errors as e:
    connection.channel().queue_declare(exclusive=True)
    say("missing exchange: ", e.reply_code, ", connection ", "open" if connection.connected else "closed")
connection.close()
say("close: ok")
