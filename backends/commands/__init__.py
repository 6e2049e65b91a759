"""Command line bodies: one module per command, each a function from options to an `Outcome`."""
