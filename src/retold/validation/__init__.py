"""Validating files: findings, and what can be fixed."""
