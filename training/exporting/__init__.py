"""Networks for use elsewhere: compact, physically smaller, and as programs; each checked before it is kept."""
