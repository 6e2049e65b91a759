"""syntagma: structured generation, exact and fast."""
