"""From New York's departures of 2013 to a registered model of late arrivals; a step a file."""
