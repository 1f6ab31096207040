"""Publishes lines of standard input with Google's own client: publish.py TOPIC [ORDERING_KEY]; prints the ids."""

import sys

from google.cloud import pubsub_v1

topic = sys.argv[1]
key = sys.argv[2] if len(sys.argv) > 2 else ""
publisher = pubsub_v1.PublisherClient(
    publisher_options=pubsub_v1.types.PublisherOptions(enable_message_ordering=bool(key))
)
futures = [publisher.publish(topic, line.rstrip(b"\n"), ordering_key=key, origin="test") for line in sys.stdin.buffer]
for future in futures:
    print(future.result(timeout=60))
