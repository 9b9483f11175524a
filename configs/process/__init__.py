"""How a process meets its surroundings: interrupts, streams that fail, memory that runs out."""
