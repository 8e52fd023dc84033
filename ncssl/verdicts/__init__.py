"""What records say about a claim: gates, intervals, the rule of the two looks."""
