"""Hooks of our connection types."""
