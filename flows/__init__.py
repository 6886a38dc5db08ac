"""WHEN and IN WHAT ORDER: flows that a reader of the article recognises."""
