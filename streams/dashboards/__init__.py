"""Grafana's dashboards, generated: `make dashboards` writes deploy/grafana/dashboards from the catalogue.

Names, units and definitions come from the catalogue and from the metrics' own help texts; here stands only what to show
where, and how to judge it. The product does not import this package; it needs the `dev` extra.
"""
