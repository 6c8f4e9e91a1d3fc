"""The cluster renderer of the workload contract: specs in, plain manifests out. No cluster is asked anything."""
