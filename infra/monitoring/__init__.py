"""What Prometheus and Alertmanager are told: pure functions from the platform's addresses to files."""
