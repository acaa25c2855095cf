-- Version 7: what became of seats, gaps of use, sites behind addresses.
-- Times are milliseconds since 1970 in UTC.

-- Indexes for statements that looked through whole tables.
-- Users without a seat: once an hour, for each user that was read.
CREATE INDEX seat_user ON seat (site, user);
-- What Bursar did lately: once an hour, out of all years.
CREATE INDEX ledger_time ON ledger (site, kind, time);

-- Gaps of use.

-- Open intents.

-- Which site answers behind an address.

-- Runs.
