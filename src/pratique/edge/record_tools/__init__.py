"""Tools that look at records, run confined: what they import is large and is not ours."""
