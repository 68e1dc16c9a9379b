// The transcript with Node's amqplib.
const amqplib = require('amqplib');

const [host, port, name] = process.argv.slice(2);
const say = (text) => console.log(text);
const deadline = setTimeout(() => { console.error('nothing happens any more'); process.exit(1); }, 40_000);

async function main() {
  const connection = await amqplib.connect(`amqp://guest:guest@${host}:${port}`);
  connection.on('error', (e) => { console.error('connection error', e); process.exit(1); });
  const channel = await connection.createConfirmChannel();
  const publish = async (key, body, options = {}) => {
    const properties = {contentType: 'text/plain', persistent: true, messageId: 'id-' + body, headers: {n: 7, s: 'text'}, ...options};
    channel.publish(name, key, Buffer.from(body), properties);
    await channel.waitForConfirms();
  };

  const ok = await channel.assertQueue(name, {exclusive: true, durable: false});
  say(`declare: ${ok.messageCount} messages, ${ok.consumerCount} consumers`);
  await channel.assertExchange(name, 'direct', {durable: false, autoDelete: true});
  await channel.bindQueue(name, name, 'k');
  say('bind: ok');
  for (let i = 0; i < 3; i++) await publish('k', String(i));
  say('publish: 3 confirmed');
  const got = await channel.get(name);
  say(`get: ${got.content}, redelivered ${got.fields.redelivered}, ${got.fields.messageCount} left, ${got.properties.contentType}, ` +
    `${got.properties.messageId}, n ${got.properties.headers.n}, s ${got.properties.headers.s}`);
  channel.ack(got);

  await channel.prefetch(10);
  await new Promise((resolve, reject) => {
    channel.consume(name, (m) => {
      if (m === null) return reject(new Error('the consumer was cancelled'));
      if (m.fields.redelivered) {
        say(`nack with requeue: ${m.content}, redelivered ${m.fields.redelivered}`);
        channel.nack(m, false, false);
        return resolve();
      }
      say(`consume: ${m.content}, redelivered ${m.fields.redelivered}`);
      if (m.content.toString() === '1') channel.ack(m);
      else channel.nack(m, false, true);
    }, {consumerTag: 'tag'}).catch(reject);
  });
  await channel.cancel('tag');
  say(`nack without requeue: queue ${await channel.get(name) === false ? 'empty' : 'not empty'}`);

  channel.on('return', (m) => say(`return: ${m.fields.replyCode} ${m.fields.replyText}, key ${m.fields.routingKey}, body ${m.content}`));
  await publish('nowhere', 'lost', {mandatory: true});
  await publish('k', '3');
  await publish('k', '4');
  say(`purge: ${(await channel.purgeQueue(name)).messageCount}`);
  await publish('k', '5');
  say(`delete: ${(await channel.deleteQueue(name)).messageCount}`);

  const other = await connection.createChannel();
  const failed = new Promise((resolve) => other.on('error', resolve));
  other.publish(name + '.missing', 'k', Buffer.alloc(0));
  const error = await failed;
  await (await connection.createChannel()).assertQueue('', {exclusive: true});
  say(`missing exchange: ${error.code}, connection open`);
  await connection.close();
  say('close: ok');
  clearTimeout(deadline);
}

main().catch((e) => { console.error(e); process.exit(1); });
