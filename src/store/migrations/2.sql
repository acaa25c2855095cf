-- Version 2: what releases need to remember.
-- Times are milliseconds since 1970 in UTC. Users and seats are named by the ids of the site.

-- The audit trail. Each record carries the hash of the one before: see ledger/chain.rs. Nothing but
-- an archive takes records away.
CREATE TABLE ledger (
    seq      INTEGER PRIMARY KEY, -- from 1 without gaps, over all sites
    time     INTEGER NOT NULL,
    site     TEXT    NOT NULL,
    run      TEXT    NOT NULL,    -- '' outside of a run
    kind     TEXT    NOT NULL,    -- as in the entry
    entry    TEXT    NOT NULL,    -- JSON
    previous TEXT    NOT NULL,
    hash     TEXT    NOT NULL
) STRICT;
CREATE INDEX ledger_run ON ledger (run) WHERE run <> '';
CREATE INDEX ledger_kind ON ledger (kind);

-- Both ends of the ledger. start: the last record that was archived; head: the last record.
-- Kept apart, so that a record that is cut off at either end is missed.
CREATE TABLE ledger_end (
    which TEXT    NOT NULL PRIMARY KEY CHECK (which IN ('start', 'head')),
    seq   INTEGER NOT NULL,
    hash  TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO ledger_end VALUES
    ('start', 0, '0000000000000000000000000000000000000000000000000000000000000000'),
    ('head',  0, '0000000000000000000000000000000000000000000000000000000000000000');

CREATE TRIGGER ledger_follows BEFORE INSERT ON ledger
WHEN NOT EXISTS (SELECT 1 FROM ledger_end
                  WHERE which = 'head' AND seq = NEW.seq - 1 AND hash = NEW.previous)
BEGIN
    SELECT RAISE (ABORT, 'a record of the ledger must follow the last one');
END;
CREATE TRIGGER ledger_head AFTER INSERT ON ledger BEGIN
    UPDATE ledger_end SET seq = NEW.seq, hash = NEW.hash WHERE which = 'head';
END;
CREATE TRIGGER ledger_unchanged BEFORE UPDATE ON ledger BEGIN
    SELECT RAISE (ABORT, 'records of the ledger are never changed');
END;
CREATE TRIGGER ledger_kept BEFORE DELETE ON ledger
WHEN OLD.seq > (SELECT seq FROM ledger_end WHERE which = 'start')
BEGIN
    SELECT RAISE (ABORT, 'records of the ledger are only removed when they are archived');
END;
CREATE TRIGGER ledger_end_moves BEFORE UPDATE ON ledger_end
WHEN NEW.which <> OLD.which OR NEW.seq <= OLD.seq
     OR NOT EXISTS (SELECT 1 FROM ledger WHERE seq = NEW.seq AND hash = NEW.hash)
BEGIN
    SELECT RAISE (ABORT, 'the ends of the ledger only move on, to a record that is there');
END;
CREATE TRIGGER ledger_end_kept BEFORE DELETE ON ledger_end BEGIN
    SELECT RAISE (ABORT, 'the ends of the ledger are never removed');
END;

-- Intents without a known outcome.
CREATE TABLE release_unsettled (
    site TEXT    NOT NULL,
    seq  INTEGER NOT NULL, -- in the ledger
    PRIMARY KEY (site, seq)
) STRICT, WITHOUT ROWID;

-- When a seat was last taken from a user, or given back.
CREATE TABLE release_past (
    site      TEXT    NOT NULL,
    seat_type TEXT    NOT NULL,
    user      TEXT    NOT NULL,
    time      INTEGER NOT NULL,
    PRIMARY KEY (site, seat_type, user)
) STRICT, WITHOUT ROWID;

-- Seats that were announced and neither released nor withdrawn since.
CREATE TABLE release_announced (
    site TEXT NOT NULL,
    seat TEXT NOT NULL,
    json TEXT NOT NULL,
    PRIMARY KEY (site, seat)
) STRICT, WITHOUT ROWID;

-- A person's pause of the runs of a site.
CREATE TABLE release_pause (
    site  TEXT    NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL,
    why   TEXT    NOT NULL,
    by    TEXT    NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Which run may release seats of a site.
CREATE TABLE release_claim (
    site  TEXT    NOT NULL PRIMARY KEY,
    run   TEXT    NOT NULL,
    owner TEXT    NOT NULL, -- process and machine, for people
    since INTEGER NOT NULL,
    until INTEGER NOT NULL, -- then another run may take over
    lease INTEGER NOT NULL  -- milliseconds: until is never further off, unless the clock was set back
) STRICT, WITHOUT ROWID;

-- The newest plans of each site. AUTOINCREMENT: the order in which they came.
CREATE TABLE release_plan (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    site TEXT    NOT NULL,
    run  TEXT    NOT NULL UNIQUE,
    json BLOB    NOT NULL -- gzip
) STRICT;
CREATE INDEX release_plan_site ON release_plan (site, id);
