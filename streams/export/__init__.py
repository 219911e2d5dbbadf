"""The way out: values read from a store, for people, for JSON and for Prometheus."""
