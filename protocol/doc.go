// Package protocol is the vocabulary that every room of the broker speaks: field tables, basic properties, reply codes
// and the error that becomes a channel.close or connection.close at the edge. There are no actors in it and no I/O.
//
// What travels on the wire is described by the AMQP 0-9-1 specification, with the field types of RabbitMQ's dialect
// (https://www.rabbitmq.com/amqp-0-9-1-errata.html#section_3). Frames and methods are in protocol/amqp091.
package protocol
