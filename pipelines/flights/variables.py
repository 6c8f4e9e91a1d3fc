"""Names of the environment variables in which the platform's places reach the steps."""

BUNDLES_VARIABLE = "HIGHWAY_BUNDLES_URI"
REGISTRY_VARIABLE = "HIGHWAY_REGISTRY_URL"
PASSWORD_FILE_VARIABLE = "HIGHWAY_OPERATOR_PASSWORD_FILE"
