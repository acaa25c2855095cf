-- Version 11: whether this store began anew in the place of another that was damaged or gone, so that nothing is released.

CREATE TABLE begun_anew (
    id        INTEGER PRIMARY KEY CHECK (id = 1),
    time      INTEGER NOT NULL,
    file      TEXT,             -- the store that was set aside; NULL where there was none any more
    why       TEXT NOT NULL,
    ended     INTEGER,          -- when a person said that releases go on; NULL until then
    ended_by  TEXT,
    ended_why TEXT
) STRICT;
