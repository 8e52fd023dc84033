"""Runs and verdicts as the numbers and tables that chapters show."""
