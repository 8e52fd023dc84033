"""What each paper reports and claims, one TOML file a paper; read by ncssl.claims.papers."""
