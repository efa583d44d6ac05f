"""All of Tradewind on one machine: embedded NATS and Postgres, every service in one process."""
