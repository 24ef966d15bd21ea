"""The command line: thin words over the platform; modules here import heavy things inside their functions only."""
