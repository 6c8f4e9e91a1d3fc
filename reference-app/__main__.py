"""The app's program: load the configuration, declare the release, export."""

from program import main

main()
