"""The documents that cross a boundary: schemas and types, from contracts/."""
