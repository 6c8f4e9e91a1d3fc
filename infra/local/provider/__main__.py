"""The Pulumi provider `highway`: processes, routes and configuration files on one machine."""

import sys

from pulumi.provider.experimental.server import main

from infra.local.home import Home
from infra.local.provider.kinds import kinds
from infra.local.provider.orphans import end_with_parent
from infra.local.provider.provider import HighwayProvider

VERSION = "0.1.0"

end_with_parent()
main(sys.argv[1:], VERSION, HighwayProvider(kinds(Home.from_environment())))
