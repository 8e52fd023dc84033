"""Papers' numbers and claims, records of runs, and the verdicts that records give on claims."""
