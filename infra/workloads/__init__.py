"""Pulumi resources that wrap the workload contract: governance is written on them, whatever runs beneath."""
