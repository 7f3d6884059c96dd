"""The worlds in which networks run, each behind the same two protocols."""
