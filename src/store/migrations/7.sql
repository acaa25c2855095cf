-- Version 7: what became of seats, gaps of use, sites behind addresses.
-- Times are milliseconds since 1970 in UTC.

-- Indexes for statements that looked through whole tables.

-- Gaps of use.

-- Open intents.

-- Which site answers behind an address.

-- Runs.
