"""The embedded stack: every service of the platform on one machine, on loopback, without containers."""
