"""Describe each voice-AI platform as data: settings, hosts, capabilities, and what a number needs."""
