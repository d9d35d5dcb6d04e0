"""PostgreSQL, Valkey and the supervisor of the single-machine default. Imports floor 0 only."""

from massadmin.embedded.private import private_dir, secret_key
from massadmin.embedded.programs import NoEmbedded
from massadmin.embedded.services import connected, services
from massadmin.embedded.sharing import running

__all__ = ["NoEmbedded", "connected", "private_dir", "running", "secret_key", "services"]
