"""What every service stands on: contracts, the reactor, hands, bus, store, runtime and telemetry."""
