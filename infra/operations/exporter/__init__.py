"""The substrate's exporter: disk and supervised services, as Prometheus metrics.

A process of its own, small, and not a part of the cockpit: whoever reports that a service is down must not go
down with it.
"""
