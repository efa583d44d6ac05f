"""Offers of every cloud, as data with a small reader."""
