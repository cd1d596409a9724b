"""Hold the SQL that creates the tables of a state in PostgreSQL, reads its versions, and takes,
renews and frees its lock; runs nothing.
"""

from __future__ import annotations

TABLES = """
CREATE TABLE IF NOT EXISTS reconciler_project (
    project text PRIMARY KEY,
    format integer,
    lineage text,
    serial bigint,
    unfolded bigint NOT NULL DEFAULT 0,
    saved text,
    token bigint NOT NULL DEFAULT 0,
    run text,
    holder text,
    lease_until timestamptz
);
CREATE TABLE IF NOT EXISTS reconciler_resource (
    project text NOT NULL,
    address text NOT NULL,
    entry text NOT NULL,
    PRIMARY KEY (project, address)
);
CREATE TABLE IF NOT EXISTS reconciler_former (
    project text NOT NULL,
    serial bigint NOT NULL,
    address text NOT NULL,
    entry text,
    PRIMARY KEY (project, serial, address)
);
CREATE TABLE IF NOT EXISTS reconciler_version (
    project text NOT NULL,
    serial bigint NOT NULL,
    saved text,
    PRIMARY KEY (project, serial)
);
CREATE TABLE IF NOT EXISTS reconciler_number (
    sid text PRIMARY KEY,
    project text NOT NULL,
    address text NOT NULL
);
ALTER TABLE reconciler_project ADD COLUMN IF NOT EXISTS digest text;
CREATE INDEX IF NOT EXISTS reconciler_number_address ON reconciler_number (project, address);
"""

HAS_TABLES = """
SELECT to_regclass('reconciler_project') IS NOT NULL, EXISTS (
    SELECT FROM pg_attribute WHERE attrelid = to_regclass('reconciler_project') AND attname = 'digest'
)
"""
"""Two booleans: the tables exist, and they have the column that an earlier version did not create.
"""

TOP = """
SELECT format, serial, unfolded, lineage, saved, to_jsonb(p) ->> 'digest' FROM reconciler_project p
WHERE project = %s AND serial IS NOT NULL
"""
"""The present version; the digest is null where the column is not there yet."""

VERSION = """
SELECT p.format, v.serial, 0, p.lineage, v.saved FROM reconciler_version v JOIN reconciler_project p USING (project)
WHERE project = %s AND v.serial = %s
"""
"""One of the versions that are kept."""

LOCK = "SELECT holder, lease_until <= clock_timestamp() FROM reconciler_project WHERE project = %s AND run IS NOT NULL"
"""The holder of the lock, and whether the lease has expired."""

NEWEST = """
SELECT max(serial) FROM (
    SELECT serial FROM reconciler_project WHERE project = %s UNION ALL
    SELECT serial FROM reconciler_version WHERE project = %s
) known
"""
"""The highest serial that any version has had."""

ACQUIRE = """
UPDATE reconciler_project
SET token = token + 1, run = %s, holder = %s, lease_until = clock_timestamp() + %s * interval '1 second'
WHERE project = %s AND (run IS NULL OR lease_until <= clock_timestamp())
RETURNING token
"""
"""Take the lock when it is free or its lease has expired."""

FENCE = """
UPDATE reconciler_project SET lease_until = clock_timestamp() + %s * interval '1 second'
WHERE project = %s AND token = %s AND run = %s AND lease_until > clock_timestamp()
"""
"""Renew the lease. Updates no row, so that nothing may be written, unless the lock is ours and has
not expired.
"""

FREE = "UPDATE reconciler_project SET run = NULL, holder = NULL, token = token + 1 WHERE project = %s AND run = %s"
"""Take the lock from this run, if it still has it."""

FREE_UNREADABLE = (
    "UPDATE reconciler_project SET run = NULL, holder = NULL, token = token + 1 WHERE project = %s"
)
"""Take a lock that nobody can read."""

PRESENT = "SELECT address, entry FROM reconciler_resource WHERE project = %s"
BEFORE = """
SELECT DISTINCT ON (address) address, entry FROM reconciler_former
WHERE project = %s AND serial >= %s ORDER BY address, serial
"""
"""The entries of a version for the resources that later versions have changed."""
