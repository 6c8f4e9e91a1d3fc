"""What flights, weather and features must be, as pandera models."""
