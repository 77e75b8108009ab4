"""Simpler methods to compare with."""
