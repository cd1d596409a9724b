"""The platforms that import Twilio numbers: one path prefix each."""
