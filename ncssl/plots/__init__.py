"""Figure functions f(data, ax) -> ax: no training, no loading, no torch. `style.use()` sets the one
style."""
