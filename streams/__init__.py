"""What happens: the pure core, the stores, the worker, the exporter and the command line."""
