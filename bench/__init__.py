"""What Tradewind costs and how fast it is, measured on the real thing: see README.md."""
