"""The sections of the configuration file as pydantic models, one module each."""
