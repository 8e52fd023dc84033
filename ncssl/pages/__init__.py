"""Parts of pages that are made from records and verdicts when the book is built.

Pages include them as `made/NAME.md`. What they say is computed, so that no page goes stale.
"""
