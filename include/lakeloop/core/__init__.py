"""Pure decisions and values: no I/O, no tool, nothing but the standard library and pydantic."""
