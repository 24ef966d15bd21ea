"""Use-case-blind moves over ports: each step reads what is true, does one thing, and reads again."""
