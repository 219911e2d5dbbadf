"""The alerts on a real Prometheus: figures of a walk through event time as its blocks, and its rules over them.

A tool for a checkout (`make drill`); nothing else of the product imports it. `walk` folds records in steps, `blocks` writes
what the exporter would have shown at each, `servers` starts Prometheus and Alertmanager.
"""
