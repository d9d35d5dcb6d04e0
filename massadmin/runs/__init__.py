"""How a run lives: frozen, cut into chunks, executed, paused, finished, undone."""
