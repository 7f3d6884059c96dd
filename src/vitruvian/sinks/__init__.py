"""Where results go: a sink writes one file (or one file for each instance), whole or not at all."""
