"""The stores that keep a state: file, bucket, PostgreSQL and HTTP, with their locks."""
