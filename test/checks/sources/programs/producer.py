"""Publishes events by Confluent's client for Python and its serializers for a schema registry.

Reads one fact in JSON from each line of the input. Arguments: the form (json or protobuf), the brokers, the registry, and the
two topics.
"""

import json
import os
import sys

from confluent_kafka import SerializingProducer
from confluent_kafka.schema_registry import SchemaRegistryClient
from confluent_kafka.serialization import StringSerializer

# protoc has put its module into the folder of the call.
sys.path.insert(0, os.getcwd())
FORM, BROKERS, REGISTRY, ORDERS, PAYMENTS = sys.argv[1:6]
TOPICS = {"ORDER": ORDERS, "PAYMENT": PAYMENTS}

SCHEMA = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "title": "Event",
    "type": "object",
    "properties": {
        "eventType": {"type": "string"},
        "orderId": {"type": "string"},
        "timestamp": {"type": "string"},
        "note": {"type": "string"},
    },
    "required": ["eventType", "orderId", "timestamp"],
}


def status_field(fact):
    return "orderStatus" if fact["type"] == "ORDER" else "paymentStatus"


def json_event(fact):
    event = {
        "eventType": fact["type"],
        "orderId": fact["orderId"],
        status_field(fact): fact["status"],
        "timestamp": fact["at"],
        "revision": fact["revision"],
        "note": "caf\u00e9 \U0001f6d2",
    }
    if fact["eventId"] is not None:
        event["eventId"] = fact["eventId"]
    return event


def proto_event(fact):
    import shop_pb2

    if fact["type"] == "ORDER":
        event = shop_pb2.OrderEvent(total={"currency": "CHF", "cents": 1050})
        event.order_status = shop_pb2.OrderStatus.Value("ORDER_STATUS_" + fact["status"])
    else:
        event = shop_pb2.PaymentEvent()
        # An enumeration knows each status by its right name only.
        status = fact["status"].replace("AUHTORIZED", "AUTHORIZED")
        event.payment_status = shop_pb2.PaymentStatus.Value("PAYMENT_STATUS_" + status)
    event.order_id = fact["orderId"]
    event.timestamp.FromJsonString(fact["at"])
    if fact["revision"] is not None:
        event.revision = fact["revision"]
    if fact["eventId"] is not None:
        event.event_id = fact["eventId"]
    return event


def serializers(registry):
    if FORM == "json":
        from confluent_kafka.schema_registry.json_schema import JSONSerializer

        return {kind: JSONSerializer(json.dumps(SCHEMA), registry) for kind in TOPICS}
    import shop_pb2
    from confluent_kafka.schema_registry.protobuf import ProtobufSerializer

    return {
        "ORDER": ProtobufSerializer(shop_pb2.OrderEvent, registry),
        "PAYMENT": ProtobufSerializer(shop_pb2.PaymentEvent, registry),
    }


def main():
    registry = SchemaRegistryClient({"url": REGISTRY})
    producers = {
        kind: SerializingProducer(
            {
                "bootstrap.servers": BROKERS,
                "key.serializer": StringSerializer("utf_8"),
                "value.serializer": serializer,
            }
        )
        for kind, serializer in serializers(registry).items()
    }
    failures = []

    def delivered(error, _message):
        if error is not None:
            failures.append(str(error))

    for line in sys.stdin:
        fact = json.loads(line)
        event = json_event(fact) if FORM == "json" else proto_event(fact)
        producer = producers[fact["type"]]
        producer.produce(topic=TOPICS[fact["type"]], key=fact["orderId"], value=event, on_delivery=delivered)
        producer.poll(0)
    for producer in producers.values():
        producer.flush()
    if failures:
        sys.exit(failures[0])


main()
