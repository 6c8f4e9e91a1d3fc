"""Names of the variables that tell the registry what it is. Apart from the settings, which import MLflow."""

DATABASE_VARIABLE = "HIGHWAY_REGISTRY_DATABASE"
ARTIFACTS_VARIABLE = "HIGHWAY_REGISTRY_ARTIFACTS"
PASSWORD_FILE_VARIABLE = "HIGHWAY_OPERATOR_PASSWORD_FILE"
