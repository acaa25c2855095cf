-- Version 3: the history of the figures.
-- Times are seconds since 1970 in UTC; hours and days are their number since then, days those of
-- the calendar in the zone of history_zone. Figures are REAL, which SQLite keeps as an integer
-- of as few bytes as it takes when the figure is whole.

-- Where figures come from. origin: 0 polls of Bursar's own, 1 imported. Kept apart, so that an
-- import can't touch what Bursar recorded; they are put together when they are read.
CREATE TABLE history_source (
    id         INTEGER PRIMARY KEY,
    site       TEXT    NOT NULL,
    origin     INTEGER NOT NULL,
    -- The polls before this time (the start of an hour) are gone: hours and days that begin before
    -- it are final. NULL: all polls are there.
    raw_from   INTEGER,
    -- Hours before this one are gone, too.
    hours_from INTEGER,
    UNIQUE (site, origin)
) STRICT;

CREATE TABLE history_series (
    id     INTEGER PRIMARY KEY,
    source INTEGER NOT NULL REFERENCES history_source (id),
    pool   TEXT    NOT NULL,
    field  TEXT    NOT NULL,
    UNIQUE (source, pool, field)
) STRICT;

-- Every poll. Ordered by time before series: a poll writes its figures side by side, and rolling up
-- reads an hour of a site in one go.
CREATE TABLE history_raw (
    source INTEGER NOT NULL,
    time   INTEGER NOT NULL,
    series INTEGER NOT NULL,
    value  REAL    NOT NULL,
    PRIMARY KEY (source, time, series)
) STRICT, WITHOUT ROWID;

-- The mean is sum / samples: a sum of whole figures is whole, and takes less room.
CREATE TABLE history_hour (
    series  INTEGER NOT NULL,
    hour    INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    last_at INTEGER NOT NULL, -- time of the last sample
    min     REAL    NOT NULL,
    max     REAL    NOT NULL,
    last    REAL    NOT NULL,
    sum     REAL    NOT NULL,
    PRIMARY KEY (series, hour)
) STRICT, WITHOUT ROWID;

CREATE TABLE history_day (
    series  INTEGER NOT NULL,
    day     INTEGER NOT NULL,
    samples INTEGER NOT NULL,
    last_at INTEGER NOT NULL,
    min     REAL    NOT NULL,
    max     REAL    NOT NULL,
    last    REAL    NOT NULL,
    sum     REAL    NOT NULL,
    PRIMARY KEY (series, day)
) STRICT, WITHOUT ROWID;

-- Hours (unit 0) and days (unit 1) that have to be rolled up (again).
CREATE TABLE history_dirty (
    unit   INTEGER NOT NULL,
    source INTEGER NOT NULL,
    bucket INTEGER NOT NULL,
    PRIMARY KEY (unit, source, bucket)
) STRICT, WITHOUT ROWID;

-- The zone whose calendar the days are of.
CREATE TABLE history_zone (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    name TEXT    NOT NULL
) STRICT;
INSERT INTO history_zone VALUES (1, 'UTC');
