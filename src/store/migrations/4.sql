-- Version 4: who has the seats, and what became of them.
-- Times are milliseconds since 1970 in UTC. A time of the site (ANY) is such a number, NULL for
-- "never", or the text that could not be read.

-- The types whose list was read in full at least once.
CREATE TABLE seat_list (
    site       TEXT    NOT NULL,
    seat_type  TEXT    NOT NULL,
    first_read INTEGER NOT NULL,
    last_read  INTEGER NOT NULL,
    PRIMARY KEY (site, seat_type)
) STRICT, WITHOUT ROWID;

-- The seats as they were read last.
CREATE TABLE seat (
    site           TEXT    NOT NULL,
    seat_type      TEXT    NOT NULL,
    seat           TEXT    NOT NULL,
    user           TEXT,             -- NULL: the site named none
    directory      TEXT,
    user_id        TEXT,
    name           TEXT,
    deleted_user   TEXT,
    created        ANY,
    last_used      ANY,
    excess         INTEGER NOT NULL,
    quarantined    INTEGER NOT NULL,
    quarantine_end ANY,
    first_seen     INTEGER NOT NULL,
    first_used     INTEGER,          -- only where the first use was seen
    PRIMARY KEY (site, seat_type, seat)
) STRICT, WITHOUT ROWID;

-- The users of seats that were read in full, for the release rules and breakdowns.
CREATE TABLE seat_person (
    site TEXT    NOT NULL,
    user TEXT    NOT NULL,
    read INTEGER NOT NULL,
    json TEXT    NOT NULL,
    PRIMARY KEY (site, user)
) STRICT, WITHOUT ROWID;

CREATE TABLE seat_change (
    id        INTEGER PRIMARY KEY,
    site      TEXT    NOT NULL,
    time      INTEGER NOT NULL,
    seat_type TEXT    NOT NULL,
    kind      TEXT    NOT NULL,
    user      TEXT,
    initial   INTEGER NOT NULL, -- learned from the first reading
    json      TEXT    NOT NULL
) STRICT;
CREATE INDEX seat_change_time ON seat_change (site, time);

-- Users of each day, in the days of the zone that holds then; seat_type '' is all types together.
CREATE TABLE seat_day (
    site      TEXT    NOT NULL,
    day       TEXT    NOT NULL,
    seat_type TEXT    NOT NULL,
    users     INTEGER NOT NULL,
    readings  INTEGER NOT NULL,
    PRIMARY KEY (site, day, seat_type)
) STRICT, WITHOUT ROWID;
