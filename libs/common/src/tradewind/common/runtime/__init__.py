"""What every process of Tradewind is made of: settings, clock, ids, apps, a host that runs them, and their
health.
"""
