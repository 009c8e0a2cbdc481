"""The public language between the services and with the agencies that plug in."""
