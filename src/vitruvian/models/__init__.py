"""The networks: what goes in, what comes out, and the arithmetic between arrays and landmarks."""
