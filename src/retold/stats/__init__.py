"""Statistics of counts by unit: the bootstrap, intervals, tests, and corrections for many tests."""
