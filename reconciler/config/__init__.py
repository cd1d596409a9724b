"""YAML → positions → validated configuration → desired resources."""
