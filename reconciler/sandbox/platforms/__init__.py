"""The platforms that import Twilio numbers, one module each, below a path prefix of their own."""
