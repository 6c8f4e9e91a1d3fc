"""Runbooks that run: Markdown for people, whose code blocks a program executes exactly as they stand."""
