"""Experiments of the papers and the campaigns that make their records."""
