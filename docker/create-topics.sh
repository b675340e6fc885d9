#!/bin/bash
# Creates the topics that do not exist, and leaves existing topics as they are, so it may run at every start.
set -eu
for topic in "$ORDER_TOPIC" "$PAYMENT_TOPIC"; do
  /opt/kafka/bin/kafka-topics.sh --bootstrap-server kafka:29092 --create --if-not-exists \
    --topic "$topic" --partitions "$TOPIC_PARTITIONS" --replication-factor 1
done
