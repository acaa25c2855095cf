-- Version 8: releases, whatever of the ledger lies in an archive.
-- Times are milliseconds since 1970 in UTC.

-- Each seat that was to be taken or given back, by the record of its intent: what growth, savings and
-- comparisons need of releases stays here when their records are archived.
CREATE TABLE release_seat (
    site      TEXT    NOT NULL,
    intent    INTEGER NOT NULL, -- number of its record
    time      INTEGER NOT NULL, -- of that record
    action    TEXT    NOT NULL, -- release, allocate
    seat_type TEXT    NOT NULL,
    seat      TEXT    NOT NULL,
    user      TEXT    NOT NULL,
    created   TEXT,             -- as in the intent; NULL where that is not there any more
    last_used TEXT,
    done      INTEGER,          -- time of the outcome; NULL: it was not taken or given back
    PRIMARY KEY (site, intent)
) STRICT, WITHOUT ROWID;

-- By the last outcome of each.
INSERT INTO release_seat
SELECT o.site, json_extract(o.entry, '$.intent'), coalesce(i.time, o.time),
       coalesce(json_extract(o.entry, '$.action'), ''),
       coalesce(json_extract(o.entry, '$.seatType'), ''),
       coalesce(json_extract(o.entry, '$.seat'), ''),
       coalesce(json_extract(o.entry, '$.holder.id'), ''),
       i.entry -> '$.created', i.entry -> '$.lastUsed',
       CASE WHEN json_extract(o.entry, '$.action') = 'release'
                 AND json_extract(o.entry, '$.result.result') IN ('freed', 'quarantined')
              OR json_extract(o.entry, '$.action') = 'allocate'
                 AND json_extract(o.entry, '$.result.result') = 'allocated'
            THEN o.time END
  FROM (SELECT max(seq) AS last FROM ledger WHERE kind = 'outcome' AND json_valid(entry)
         GROUP BY site, json_extract(entry, '$.intent')) AS newest
       JOIN ledger AS o ON o.seq = newest.last
       LEFT JOIN ledger AS i ON i.seq = json_extract(o.entry, '$.intent') AND i.kind = 'intent'
                                AND i.site = o.site AND json_valid(i.entry)
 WHERE json_extract(o.entry, '$.intent') IS NOT NULL;

INSERT OR IGNORE INTO release_seat
SELECT site, seq, time,
       coalesce(json_extract(entry, '$.action'), ''),
       coalesce(json_extract(entry, '$.seatType'), ''),
       coalesce(json_extract(entry, '$.seat'), ''),
       coalesce(json_extract(entry, '$.holder.id'), ''),
       entry -> '$.created', entry -> '$.lastUsed', NULL
  FROM ledger WHERE kind = 'intent' AND json_valid(entry);
