"""The release controller: the only owner of traffic weights on one machine."""
