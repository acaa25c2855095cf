-- Version 7: what became of seats, gaps of use, sites behind addresses.
-- Times are milliseconds since 1970 in UTC.

-- Indexes for statements that looked through whole tables.
-- Users without a seat: once an hour, for each user that was read.
CREATE INDEX seat_user ON seat (site, user);
-- What Bursar did lately: once an hour, out of all years.
CREATE INDEX ledger_time ON ledger (site, kind, time);

-- Gaps of use.
-- A seat was not used from `since` until `until`, its next use: 14 days or more. The key finds them
-- by site and time, and a use that is read again adds nothing.
CREATE TABLE seat_gap (
    site      TEXT    NOT NULL,
    until     INTEGER NOT NULL,
    seat_type TEXT    NOT NULL,
    seat      TEXT    NOT NULL,
    user      TEXT    NOT NULL,
    since     INTEGER NOT NULL,
    first_use INTEGER NOT NULL, -- 1: never used before, and `since` is its allocation
    unused_at INTEGER NOT NULL, -- the last reading that showed no use after `since`
    PRIMARY KEY (site, until, seat_type, seat)
) STRICT, WITHOUT ROWID;

-- Open intents. seat: a second one of the same seat is refused. answered: as in the last outcome.
-- there: when a complete reading after the request first showed that nothing had happened.
ALTER TABLE release_unsettled ADD COLUMN seat TEXT NOT NULL DEFAULT '';
ALTER TABLE release_unsettled ADD COLUMN answered TEXT;
ALTER TABLE release_unsettled ADD COLUMN there INTEGER;
UPDATE release_unsettled SET seat = coalesce(
    (SELECT json_extract(ledger.entry, '$.seat') FROM ledger
      WHERE ledger.seq = release_unsettled.seq), '');

-- Which site answers behind an address.

-- By digests of its nodes (a JSON list) and of its license; see license/identity.rs.
CREATE TABLE site_identity (
    site       TEXT    NOT NULL PRIMARY KEY,
    nodes      TEXT    NOT NULL,
    license    TEXT,
    first_seen INTEGER NOT NULL,
    since      INTEGER NOT NULL -- when more was learned, or a person accepted it
) STRICT, WITHOUT ROWID;
