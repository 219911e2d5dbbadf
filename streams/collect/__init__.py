"""The collector: webhooks and CloudEvents over HTTP, acknowledged when Kafka has them."""
