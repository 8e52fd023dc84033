"""What each paper reports and claims, read strictly from ncssl/papers/<key>.toml."""
