"""The five parts on one machine. A fork that only uses a cloud deletes this folder and `infra/local`."""
