"""The model registry: MLflow's tracking server in one process, behind the operator's password."""
