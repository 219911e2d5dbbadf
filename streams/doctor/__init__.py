"""The health of the surroundings: what a worker or the exporter needs of Kafka, Redis and the clocks, looked at, not changed."""
