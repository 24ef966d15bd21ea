"""What both ways share: how the standard's words and ours stand for each other."""

OURS = "lakeloop."  # begins the custom properties that are ours
PERSONAL = "personal"  # the standard leaves the words of `classification` open
LOGICAL = {
    "int": "integer", "double": "number", "decimal": "number", "bool": "boolean",
    "string": "string", "date": "date", "timestamp": "timestamp",
}  # fmt: skip
