"""Pruning methods: ``base`` says what one is, ``registry`` knows them by name, and each has a file of its own."""
