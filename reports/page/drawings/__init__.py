"""Drawings as inline SVG, a pure function of numbers each.

Text stays text; colours that change with the page's light or dark dress come from its style, by class.
"""
