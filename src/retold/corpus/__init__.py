"""A corpus on disk: loading, building, comparing, extending."""
