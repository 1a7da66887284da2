-- Rotated keys of datasets, and what leases have written.

-- Below this generation nothing new is stored: its key is about to be destroyed, or was.
CREATE TABLE key_floors (
  dataset text NOT NULL PRIMARY KEY,
  generation bigint NOT NULL CHECK (generation > 0)
);

-- What a lease has ever stored; reserved before it arrives, given back when nothing was stored.
CREATE TABLE lease_writes (
  lease text NOT NULL PRIMARY KEY,
  bytes bigint NOT NULL CHECK (bytes >= 0),
  objects bigint NOT NULL CHECK (objects >= 0)
);
